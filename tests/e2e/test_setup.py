"""Set-up is silent and quick when nothing is missing, and says one sentence when something is."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from deploy.local.engine import Engine
from deploy.setup import debian, engine, interpreter, progress
from deploy.setup.environment import STAMP, Environment

ROOT = Path(__file__).resolve().parents[2]
STARTS = 12
"""Of a bare interpreter: about two are needed."""
NO_NETWORK = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")


def test_a_second_run_is_silent_quick_and_needs_no_network() -> None:
    bare = min(seconds(["python3", "-c", "pass"]) for _ in range(3))
    began = time.monotonic()
    done = subprocess.run(
        ["python3", "-m", "deploy.setup"],
        cwd=ROOT,
        env={**os.environ, **NO_NETWORK, "PIP_NO_INDEX": "1", "UV_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - began < STARTS * bare


def test_what_a_link_leads_to_is_not_emptied(tmp_path: Path) -> None:
    somebody_elses = tmp_path / "elsewhere"
    somebody_elses.mkdir()
    (somebody_elses / "kept").touch()
    (tmp_path / "lock").touch()
    (tmp_path / "environment").symlink_to(somebody_elses)

    with pytest.raises(progress.SetupError, match="remove the link"):
        Environment(tmp_path / "environment", tmp_path / "lock").complete(tmp_path / "log")
    assert (somebody_elses / "kept").exists()


def seconds(command: list[str]) -> float:
    """How long it takes."""
    began = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - began


def test_the_projects_command_is_there() -> None:
    names = "import workflows as a, activities as b, worker as c; print(a.__path__, b.__path__, c.__path__)"
    said = subprocess.run(
        [ROOT / ".venv/bin/python", "-c", names], cwd="/", capture_output=True, text=True, check=True
    ).stdout
    assert said.count(str(ROOT)) == 3
    assert os.access(ROOT / ".venv/bin/poolmedic", os.X_OK)


def test_what_a_container_may_only_read_is_compiled() -> None:
    """Compiling it anew took two of the three seconds that each start of the application needs."""
    packages = next((ROOT / ".venv-target" / "lib").glob("python3.*")) / "site-packages"
    modules = {path.stem for path in (packages / "covet").glob("*.py")}
    assert modules
    assert {path.name.partition(".")[0] for path in (packages / "covet" / "__pycache__").iterdir()} == modules


def test_a_changed_lock_file_is_noticed(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("")
    made = Environment(tmp_path / "env", lock)
    assert not made.is_current()
    made.complete(tmp_path / "log")
    assert made.is_current()
    lock.write_text("# changed")
    assert not made.is_current()
    made.complete(tmp_path / "log")
    assert made.is_current()
    made.python.unlink()
    assert not made.is_current()


def test_what_failed_is_not_marked_as_done(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("no-hash-at-all==1.0\n")
    made = Environment(tmp_path / "env", lock)
    with pytest.raises(progress.CommandFailed, match="log"):
        made.complete(tmp_path / "log")
    assert not (made.folder / STAMP).exists()


def test_without_an_interpreter_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(
        progress.SetupError, match=r"Python 3\.12 or newer is missing .* install it"
    ) as raised:
        interpreter.locate(tmp_path / "log")
    assert "\n" not in str(raised.value)


def test_an_interpreter_that_refuses_to_start_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pyenv's shims do for a version that is not selected."""
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    (tmp_path / "python3.13").symlink_to(Path(interpreter.locate(tmp_path / "log")))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert interpreter.locate(tmp_path / "log") == tmp_path / "python3.13"


def test_without_the_right_to_install_it_names_the_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(progress.SetupError, match=r"install the Debian packages prometheus docker\.io"):
        debian.install(["prometheus", "docker.io"], tmp_path / "log")


@pytest.mark.parametrize("before", [None, "#!/bin/sh\nexit 104\n"])
def test_services_may_start_again_after_an_installation_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    policy, seen = tmp_path / "policy-rc.d", tmp_path / "seen"
    if before is not None:
        policy.write_text(before)
        policy.chmod(0o755)
    apt = tmp_path / "apt-get"
    apt.write_text(f"#!/bin/sh\n{policy}\necho $? >> {seen}\n[ $1 = update ]\n")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(debian, "POLICY", policy)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(progress.CommandFailed, match="apt-get install"):
        debian.install(["prometheus"], tmp_path / "log")
    assert seen.read_text().split() == ["101", "101"]
    assert (policy.read_text() if policy.exists() else None) == before


def test_an_engine_is_one_that_answers(docker_engine: Engine, tmp_path: Path) -> None:
    assert engine.answers(docker_engine.address)
    assert not engine.answers(f"unix://{tmp_path}/nothing")
    assert not engine.answers("tcp://127.0.0.1:9")
    assert not engine.answers("ssh://somewhere")
