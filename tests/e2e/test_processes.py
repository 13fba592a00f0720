"""Processes, ports and secrets of a state folder: what is started is ended, and nothing else."""

import contextlib
import signal
import sys
from pathlib import Path

import pytest

from deploy.local import identity, postgres, probes
from deploy.local.ending import end_leftovers
from deploy.local.errors import EndedEarly, NotReady, StackInUse
from deploy.local.identity import Identity, identify
from deploy.local.opening import open_state
from deploy.local.process import Command, Process
from deploy.local.records import ProcessRecord, Records
from deploy.local.state import State
from tests.e2e import leftovers
from tests.e2e.stack_stand import ENDLESS, gone


async def test_one_folder_has_one_stack(stack_state: State) -> None:
    with pytest.raises(StackInUse, match="already running"), open_state(stack_state.folder):
        pass


async def test_a_recycled_pid_is_nobody_of_ours(tmp_path: Path) -> None:
    with open_state(tmp_path / "other") as other:
        bystander = Process(other, Command(name="bystander", arguments=ENDLESS))
        bystander.start()
        true = identify(bystander.pid)
        assert true is not None
        forged = [
            Identity(true.pid, true.started - 1, true.command, true.boot),
            Identity(true.pid, true.started, ("postgres",), true.boot),
            Identity(true.pid, true.started, true.command, "an earlier boot"),
        ]
        for number, identity in enumerate(forged):
            record = ProcessRecord(name=f"{number}", identity=identity, stop_signal=signal.SIGKILL, grace=1)
            Records(tmp_path / "stack" / "records").write(record)
        with open_state(tmp_path / "stack"):
            assert bystander.is_running()
            assert leftovers.recorded(tmp_path / "stack") == []
        await bystander.stop()


@pytest.mark.parametrize("late", ["cmdline", "environ"])
def test_a_process_is_known_once_the_kernel_has_laid_down_its_start(
    late: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path("/proc/self")
    told = tmp_path / "7"
    told.mkdir()
    content = {name: (own / name).read_bytes() for name in ("stat", "cmdline", "environ")}
    for name, text in content.items():
        (told / name).write_bytes(b"" if name in (late, "environ") else text)
    monkeypatch.setattr(identity, "PROC", tmp_path)
    before = identify(7)

    def lay_down(_seconds: float) -> None:
        for name, text in content.items():
            (told / name).write_bytes(text)

    monkeypatch.setattr("time.sleep", lay_down)
    started = identity.identify_started(7)

    assert started is not None
    assert started.command == identity.command_line(7) != ()
    assert (before == started) is (late == "environ")


async def test_every_record_names_its_process_so_that_it_is_known_again(tmp_path: Path) -> None:
    with open_state(tmp_path) as state:
        started = [Process(state, Command(name=f"{number}", arguments=ENDLESS)) for number in range(30)]
        for process in started:
            process.start()
        recorded = [each.identity for each in leftovers.recorded(tmp_path) if isinstance(each, ProcessRecord)]
        assert {each.command for each in recorded} == {tuple(ENDLESS)}
        assert [each for each in recorded if not each.is_alive()] == []
        for process in started:
            await process.stop()


async def test_what_was_not_yet_written_down_is_ended_too(tmp_path: Path) -> None:
    with open_state(tmp_path / "a") as one, open_state(tmp_path / "ab") as other:
        bystander = Process(other, Command(name="bystander", arguments=ENDLESS))
        bystander.start()
        unwritten = Process(one, Command(name="unwritten", arguments=ENDLESS))
        unwritten.start()
        for path in one.records.files():
            path.unlink()
        end_leftovers(one.folder)
        assert await gone([who for who in [identify(unwritten.pid)] if who], within=2) == []
        assert bystander.is_running()
        await unwritten.stop()
        await bystander.stop()


async def test_what_a_failing_caller_forgot_is_ended(tmp_path: Path) -> None:
    forgotten: list[Identity | None] = []
    with contextlib.suppress(ZeroDivisionError), open_state(tmp_path) as state:
        process = Process(state, Command(name="forgotten", arguments=ENDLESS))
        process.start()
        forgotten.append(identify(process.pid))
        raise ZeroDivisionError
    assert await gone([who for who in forgotten if who], within=0) == []
    await process.stop()


async def test_a_process_that_ends_early_says_why(tmp_path: Path) -> None:
    wrong = postgres.Settings(options={"no_such_option": "1"})
    with open_state(tmp_path) as state:
        with pytest.raises(EndedEarly, match="no_such_option"):
            async with postgres.serve(state, wrong):
                pass
        assert leftovers.recorded(tmp_path) == []


async def test_a_process_that_never_answers_is_ended(tmp_path: Path) -> None:
    with open_state(tmp_path) as state:
        deaf = Process(state, Command(name="deaf", arguments=ENDLESS))
        deaf.start()
        with pytest.raises(NotReady, match="ConnectError"):
            await deaf.wait_ready(probes.http(f"http://127.0.0.1:{state.port('nobody')}"), within=0.2)
        pid = deaf.pid
        await deaf.stop()
        assert identify(pid) is None


async def test_a_process_that_ignores_its_signal_is_killed_with_its_children(tmp_path: Path) -> None:
    stubborn = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "os.fork()\n"
        "print(os.getpid(), flush=True)\n"
        "while True: time.sleep(1)"
    )
    with open_state(tmp_path) as state:
        process = Process(
            state, Command(name="stubborn", arguments=[sys.executable, "-c", stubborn], grace=0.3)
        )
        process.start()

        async def both_run() -> str | None:
            return None if len(process.log.read_text().splitlines()) == 2 else "not yet"

        assert await probes.until(both_run, 5) is None
        family = [identify(int(line)) for line in process.log.read_text().splitlines()]
        await process.stop()
        assert await gone([member for member in family if member], within=2) == []
        assert process.exit_code == -signal.SIGKILL


def test_ports_are_each_others_and_below_the_ephemeral_range(tmp_path: Path) -> None:
    with open_state(tmp_path / "a") as one, open_state(tmp_path / "b") as two:
        ports = [state.port(f"{number}") for state in (one, two) for number in range(200)]
        assert len(set(ports)) == len(ports)
        assert one.port("7") == ports[7]
        low, high = (int(word) for word in Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
        assert not [port for port in ports if low <= port <= high]


async def test_secrets_are_for_their_owner_alone(
    stack_state: State, postgres_server: postgres.Postgres
) -> None:
    files = list((stack_state.folder / "secrets").iterdir())
    assert len(files) >= 4
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert len({path.read_text() for path in files}) == len(files)
    assert postgres_server.password("poolmedic") not in postgres_server.log.text.read_text()
