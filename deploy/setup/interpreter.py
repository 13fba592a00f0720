"""Finds a Python that can run the project, or has uv fetch one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from deploy.setup import progress

OLDEST = (3, 12)
# 3.12 first: it is the version the locked dependencies are tested with most.
PREFERRED = ("3.12", "3.13", "3.14")
ASK_VERSION = "import sys; print(*sys.version_info[:2], sys.executable)"
SECONDS_TO_ANSWER = 20


def locate(log: Path) -> Path:
    """Path of an interpreter of at least ``OLDEST``; raises SetupError when none can be had."""
    for candidate in _candidates():
        found = _probe(candidate)
        if found is not None:
            return found
    return _fetch(log)


def find_uv() -> Path | None:
    """Path of a uv that runs (a pyenv shim may exist and still refuse)."""
    for candidate in [_which("uv"), *(folder / "bin" / "uv" for folder in _pyenv_versions())]:
        if candidate is not None and candidate.is_file() and _answers([str(candidate), "--version"]):
            return candidate
    return None


def runs(python: Path) -> bool:
    """Whether this interpreter starts and is new enough."""
    return _probe(python) is not None


def _candidates() -> Iterator[Path]:
    names = [f"python{version}" for version in PREFERRED] + ["python3", "python"]
    for name in names:
        path = _which(name)
        if path is not None:
            yield path
    for version in PREFERRED:
        for folder in _pyenv_versions():
            if folder.name.startswith(f"{version}."):
                yield folder / "bin" / "python3"


def _pyenv_versions() -> list[Path]:
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return sorted((root / "versions").glob("*"), reverse=True)


def _which(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def _answers(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_TO_ANSWER, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _probe(python: Path) -> Path | None:
    answer = _answers([str(python), "-c", ASK_VERSION])
    if not answer:
        return None
    major, minor, executable = answer.split(maxsplit=2)
    return Path(executable) if (int(major), int(minor)) >= OLDEST else None


def _fetch(log: Path) -> Path:
    wanted = ".".join(str(part) for part in OLDEST)
    with tempfile.TemporaryDirectory() as folder, progress.step(f"Fetching Python {wanted} with uv"):
        try:
            uv = find_uv() or _borrow_uv(Path(folder), log)
            progress.run([str(uv), "python", "install", wanted], log)
            found = _answers([str(uv), "python", "find", "--system", wanted])
        except progress.CommandFailed as exc:
            raise progress.SetupError(
                f"Python {wanted} or newer is missing and could not be fetched: install it "
                f"(for example with your package manager or pyenv) and run this again. Log: {log}"
            ) from exc
    if found is None:
        raise progress.SetupError(f"uv installed Python {wanted} but does not find it: see {log}")
    return Path(found)


def _borrow_uv(folder: Path, log: Path) -> Path:
    progress.run([sys.executable, "-m", "venv", str(folder)], log)
    progress.run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "uv"], log)
    return folder / "bin" / "uv"
