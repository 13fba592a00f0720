"""``make audit``: asks pip-audit what is known of the locked packages, and never takes silence for a yes.

The tool lives in an environment of its own (`var/audit-venv`), made when it is needed; it is no part of what
is locked. Exit code 0: nothing is known of any package; 1: something is; 2: not every one could be asked for.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.setup import interpreter, progress
from deploy.supply.lock import LOCK, ROOT

TOOL = "pip-audit==2.10.1"
FOLDER = ROOT / "var" / "audit-venv"
SECONDS = 600.0
_MOST_NAMED = 5


@dataclass(frozen=True)
class Verdict:
    """What was found, as lines, and the exit code."""

    code: int
    lines: tuple[str, ...]


def main() -> int:
    """Ask, and say what came of it."""
    verdict = ask(FOLDER, LOCK)
    for line in verdict.lines:
        print(line)
    return verdict.code


def ask(folder: Path, lock: Path) -> Verdict:
    """What pip-audit says of this lock; it is installed into the folder where it is not yet there."""
    python = folder / "bin" / "python"
    try:
        if not interpreter.runs(python) or not _has_tool(python):
            _install(folder, python)
    except progress.SetupError as failure:
        return _unknown(f"{TOOL} cannot be installed: {str(failure).splitlines()[-1].strip()}")
    # The lock names every package with its digests, so nothing has to be resolved or downloaded.
    options = ("--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json")
    try:
        done = subprocess.run(
            [str(python), "-m", "pip_audit", "-r", str(lock), *options],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _unknown(f"no answer within {SECONDS:.0f} s")
    return judge(done.stdout, done.stderr)


def judge(out: str, err: str) -> Verdict:
    """What the tool found; of itself it ends with 0, and says "none", also where nobody answered it."""
    try:
        packages = json.loads(out)["dependencies"]
        asked = [each for each in packages if "skip_reason" not in each]
        silent = [each for each in packages if "skip_reason" in each]
        known = [
            f"{each['name']} {each['version']}: {bug['id']}{_fixed(bug['fix_versions'])}"
            for each in asked
            for bug in each["vulns"]
        ]
    except (ValueError, KeyError, TypeError):
        lines = err.strip().splitlines()
        return _unknown(lines[-1] if lines else "pip-audit gave no answer")
    if silent or not asked:
        names = ", ".join(each["name"] for each in silent[:_MOST_NAMED])
        more = f" and {len(silent) - _MOST_NAMED} more" if len(silent) > _MOST_NAMED else ""
        unknown = _unknown(f"{len(silent)} of {len(packages)} packages could not be asked for: {names}{more}")
        return Verdict(1 if known else unknown.code, (*known, *unknown.lines))
    if known:
        return Verdict(1, (*known, f"{len(known)} known in {len(asked)} locked packages"))
    return Verdict(0, (f"nothing is known of the {len(asked)} locked packages",))


def _unknown(why: str) -> Verdict:
    told = "Whether something is known of the locked packages was NOT found out"
    return Verdict(
        2, (f"{told}: {why}", "It needs the network, and a registry that tells of vulnerabilities.")
    )


def _fixed(versions: Sequence[str]) -> str:
    return f", mended in {', '.join(versions)}" if versions else ", not mended yet"


def _has_tool(python: Path) -> bool:
    asked = [
        str(python),
        "-c",
        f"import importlib.metadata as m; assert m.version('pip-audit') == {TOOL[11:]!r}",
    ]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def _install(folder: Path, python: Path) -> None:
    log = folder.parent / "audit.log"
    with progress.step(f"Installing {TOOL} into {folder.name}"):
        progress.run([sys.executable, "-m", "venv", "--clear", str(folder)], log)
        install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", TOOL]
        progress.run(install, log)


if __name__ == "__main__":
    sys.exit(main())
