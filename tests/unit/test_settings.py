"""Settings come from the environment, or from `NAME_FILE`, and never tell a token."""

import base64
from pathlib import Path

import pytest

from worker.errors import ConfigurationRefused
from worker.settings import TOKENS, Settings, load_settings

OLD, NEW = "old-token-0123456789", "new-token-0123456789"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"POOLMEDIC_{name.upper()}", raising=False)


def test_the_default_is_this_machine_only() -> None:
    settings = load_settings()
    assert settings.host == "127.0.0.1"
    assert settings.webhook_tokens == ()


def test_several_tokens_are_valid_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLMEDIC_WEBHOOK_TOKENS", f"{OLD}, {NEW}")
    assert [token.get_secret_value() for token in load_settings().webhook_tokens] == [OLD, NEW]


def test_tokens_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"{OLD}\n{NEW}\n")
    monkeypatch.setenv("POOLMEDIC_WEBHOOK_TOKENS_FILE", str(tmp_path / "tokens"))
    assert len(load_settings().webhook_tokens) == 2
    (tmp_path / "tokens").unlink()
    with pytest.raises(ConfigurationRefused, match="cannot be read"):
        load_settings()


def test_a_given_value_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLMEDIC_PORT", "9000")
    assert load_settings().port == 9000
    assert load_settings(port=9001, host=None).port == 9001


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PORT", "many", "POOLMEDIC_PORT"),
        ("PORT", "70000", "POOLMEDIC_PORT"),
        ("DOCKER_HOST", "nope", "POOLMEDIC_DOCKER_HOST: must be an address like unix:///"),
        ("DOCKER_HOST", "http://u:hunter2@engine:2375", "POOLMEDIC_DOCKER_HOST: must hold no password"),
        ("DOCKER_HOST", "tcp://:hunter2@engine:2375", "POOLMEDIC_DOCKER_HOST: must hold no password"),
        ("DOCKER_HOST", "https://u:hunt/er2:hunter2@engine", "POOLMEDIC_DOCKER_HOST: must hold no password"),
        ("LOG_LEVEL", "loud", "POOLMEDIC_LOG_LEVEL"),
        ("GRACEFUL_SECONDS", "0", "POOLMEDIC_GRACEFUL_SECONDS"),
        ("WEBHOOK_TOKENS", "hunter2", "POOLMEDIC_WEBHOOK_TOKENS"),
        ("REPORTS_URL", "https://u:hunter2@reports/", "POOLMEDIC_REPORTS_URL: must hold no"),
        ("TLS_CERTIFICATE", "/nowhere.pem", "POOLMEDIC_TLS_CERTIFICATE"),
        ("LINK_KEYS", "hunter2", "POOLMEDIC_LINK_KEYS: a token has fewer"),
        ("LINK_KEYS", "hunter2-hunter2-hunter2", "POOLMEDIC_PUBLIC_URL: must be set beside"),
        ("PUBLIC_URL", "https://poolmedic.example", "POOLMEDIC_LINK_KEYS: must be set beside"),
        ("PUBLIC_URL", "https://u:hunter2@poolmedic.example", "POOLMEDIC_PUBLIC_URL: must hold no"),
    ],
)
def test_a_fault_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(f"POOLMEDIC_{name}", value)
    with pytest.raises(ConfigurationRefused) as refusal:
        load_settings()
    assert told in str(refusal.value)
    assert "  settings: " not in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_of_fewer_than_16_characters_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("POOLMEDIC_PUBLIC_URL", "https://poolmedic.example")
    monkeypatch.setenv("POOLMEDIC_CODEC_ORIGIN", "https://temporal.example")
    monkeypatch.setenv("POOLMEDIC_PAYLOAD_KEYS", f"one:{base64.b64encode(bytes(32)).decode()}")
    for needed in ("LINK_KEYS", "CODEC_TOKENS"):
        monkeypatch.setenv(f"POOLMEDIC_{needed}", f"{needed}-0123456789")
    monkeypatch.setenv(f"POOLMEDIC_{name.upper()}", f"{OLD} {'t' * 16}")
    assert len(getattr(load_settings(), name)) == 2
    monkeypatch.setenv(f"POOLMEDIC_{name.upper()}", f"{OLD} {'t' * 15}")
    with pytest.raises(ConfigurationRefused, match="a token has fewer than 16 characters"):
        load_settings()


def test_a_token_is_not_told_with_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLMEDIC_WEBHOOK_TOKENS", OLD)
    settings = load_settings()
    assert OLD not in repr(settings)
    assert OLD not in settings.model_dump_json()


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104
        ("10.0.0.1", False),
        ("db.example", False),
    ],
)
def test_what_is_reached_from_this_machine_alone(host: str, is_loopback: bool) -> None:
    assert Settings(host=host).is_loopback is is_loopback


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, []),
        ({"HOST": "localhost"}, []),
        ({"HOST": "::1"}, []),
        ({"HOST": "192.0.2.7"}, ["tokens"]),
        ({"PUBLIC_URL": "http://poolmedic.example"}, ["links"]),
        ({"PUBLIC_URL": "https://poolmedic.example"}, []),
        ({"PUBLIC_URL": "http://127.0.0.1:8080"}, []),
        ({"PUBLIC_URL": "http://[::1]:8080"}, []),
    ],
)
def test_what_travels_readable_is_told(
    given: dict[str, str], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"POOLMEDIC_{name}", value)
    if "PUBLIC_URL" in given:
        monkeypatch.setenv("POOLMEDIC_LINK_KEYS", NEW)
    assert [each.split()[0] for each in load_settings().unencrypted] == told


@pytest.mark.parametrize(
    "address",
    [
        "unix:///run/docker.sock",
        "tcp://engine:2375",
        "127.0.0.1:2375",
        "ssh://ops@engine:22",
        "tcp://[::1]:2375",
    ],
)
def test_an_address_of_the_engine_is_taken(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("POOLMEDIC_DOCKER_HOST", address)
    assert load_settings().docker_host == address
