"""Installs the programs that come as Debian packages, without starting or enabling their services."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.setup import engine, progress

PROGRAMS = {
    "prometheus": ("prometheus", "promtool"),
    "prometheus-alertmanager": ("prometheus-alertmanager|alertmanager", "amtool"),
    "pgbouncer": ("pgbouncer",),
    "docker.io": ("dockerd",),
}
FOR_SOME = {"faketime": ("faketime",)}
"""What one target alone needs, and names."""
UNITS = {
    "prometheus": ("prometheus.service",),
    "prometheus-alertmanager": ("prometheus-alertmanager.service",),
    "pgbouncer": ("pgbouncer.service", "pgbouncer.socket"),
    "docker.io": ("docker.service", "docker.socket", "containerd.service"),
}
POLICY = Path("/usr/sbin/policy-rc.d")
DENY_EVERY_START = "#!/bin/sh\nexit 101\n"
SEARCHED = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin", "/usr/local/sbin"])


def missing_packages(beside: Sequence[str] = ()) -> list[str]:
    """Debian names of what is not here yet; the engine counts only where none answers.

    ``beside`` names what is needed of ``FOR_SOME``; raises KeyError for what is not in it.
    """
    wanted = {**PROGRAMS, **{name: FOR_SOME[name] for name in beside}}
    lacking = [name for name, programs in wanted.items() if not all(map(_is_here, programs))]
    if "docker.io" in lacking and engine.answers():
        lacking.remove("docker.io")
    return lacking


def install(packages: list[str], log: Path) -> None:
    """Install with apt-get; raises SetupError that names the packages where that is not possible."""
    named = " ".join(packages)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise progress.SetupError(
            f"These programs are missing: install the Debian packages {named} "
            f"(or what your system calls them; for Docker, any engine you may use will do)."
        )
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    with progress.step(f"Installing Debian packages {named} (about 20 seconds)"), _no_service_starts():
        progress.run(["apt-get", "update", "-q"], log, quiet)
        progress.run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages], log, quiet)
    _disable_units(packages, log)


def _is_here(names: str) -> bool:
    return any(shutil.which(name, path=SEARCHED) for name in names.split("|"))


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian starts a package's service while installing it, unless this policy file says no."""
    before = POLICY.read_bytes() if POLICY.exists() else None
    mode = POLICY.stat().st_mode if before is not None else 0o755
    POLICY.write_text(DENY_EVERY_START)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        if before is None:
            POLICY.unlink()
        else:
            POLICY.write_bytes(before)
            POLICY.chmod(mode)


def _disable_units(packages: list[str], log: Path) -> None:
    """Keep them from starting at the next boot: the project runs its own, on ports of its own."""
    if not Path("/run/systemd/system").is_dir():
        return
    units = [unit for package in packages for unit in UNITS.get(package, ())]
    known = [unit for unit in units if _is_known(unit)]
    if known:
        progress.run(["systemctl", "disable", "--now", *known], log)


def _is_known(unit: str) -> bool:
    return subprocess.run(["systemctl", "cat", unit], capture_output=True, check=False).returncode == 0
