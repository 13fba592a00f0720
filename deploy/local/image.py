"""The drill's base image: nothing of its own, because no registry need be reachable.

It holds empty folders and the links of the host's root; a container of it mounts the host's
programs read-only.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import docker

REPOSITORY, TAG = "poolmedic-drill-base", "1"
NAME = f"{REPOSITORY}:{TAG}"
FOLDERS = ("dev", "etc", "proc", "run", "srv", "sys", "usr", "var")
WRITABLE_FOLDERS = ("tmp", "var/lib/target", "var/tmp")
FROM_ROOT = ("bin", "lib", "lib32", "lib64", "sbin")
# What the dynamic loader, the resolver and TLS look up; the rest of /etc is nobody's business.
FROM_ETC = ("ld.so.cache", "nsswitch.conf", "passwd", "group", "ssl", "localtime")


def ensure(client: docker.DockerClient) -> None:
    """Import it into this engine unless it is there."""
    if not client.images.list(name=NAME):
        client.api.import_image_from_data(_archive(), repository=REPOSITORY, tag=TAG)


def host_folders() -> list[Path]:
    """What a container of this image needs mounted, read-only, at the same paths."""
    own_folders = [Path("/", name) for name in FROM_ROOT if not Path("/", name).is_symlink()]
    found = [Path("/usr"), *own_folders, *(Path("/etc", name) for name in FROM_ETC)]
    return [path for path in found if path.exists()]


def _archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in FOLDERS:
            archive.addfile(_folder(name, 0o755))
        for name in WRITABLE_FOLDERS:
            archive.addfile(_folder(name, 0o1777))
        for name in FROM_ROOT:
            if Path("/", name).is_symlink():
                archive.addfile(_link(name))
    return buffer.getvalue()


def _folder(name: str, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    return entry


def _link(name: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, str(Path("/", name).readlink())
    return entry
