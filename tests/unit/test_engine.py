"""Where no container engine answers, the address and the remedy are told."""

import gc
import warnings
from pathlib import Path

import pytest

from activities.engine import Engine, open_client
from workflows.errors import SourceUnavailable


def refusal(host: str | None) -> str:
    engine = Engine(lambda: open_client(host, 5))
    with warnings.catch_warnings():
        # The SDK leaves the socket that it could not connect to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        message = _message(engine)
        gc.collect()
    return message


def _message(engine: Engine) -> str:
    with pytest.raises(SourceUnavailable) as unavailable:
        engine.container("shop-1")
    return unavailable.value.message


def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    host = f"unix://{tmp_path}/docker.sock"
    assert refusal(host) == (
        f"no container engine answers at {host} (No such file or directory); "
        "set POOLMEDIC_DOCKER_HOST, or leave out `container`"
    )


def test_the_address_of_the_environment_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/other.sock")
    assert f"at unix://{tmp_path}/other.sock (No such file" in refusal(None)


def test_no_password_of_the_environment_is_told(
    unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"http://ops:hunter2@127.0.0.1:{unused_tcp_port}")
    told = refusal(None)
    assert f"127.0.0.1:{unused_tcp_port}" in told
    assert "hunter2" not in told


def test_a_port_that_nobody_listens_on(unused_tcp_port: int) -> None:
    assert "(Connection refused)" in refusal(f"tcp://127.0.0.1:{unused_tcp_port}")
