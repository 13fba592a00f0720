"""Keys come from the environment or a file, and no refusal holds any part of one."""

import base64
from pathlib import Path

import pytest

from worker.errors import ConfigurationRefused
from worker.payload_keys import read_payload_keys
from worker.settings import Settings, load_payload_keys, load_settings
from worker.temporal import connect

SECRET = bytes(range(32))
KEY = base64.b64encode(SECRET).decode()
OTHER = base64.b64encode(SECRET[::-1]).decode()
TOKEN = "token-of-codec-0123456789"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"POOLMEDIC_{name.upper()}", raising=False)
        monkeypatch.delenv(f"POOLMEDIC_{name.upper()}_FILE", raising=False)


def test_without_the_setting_there_is_none() -> None:
    assert load_payload_keys() == ()
    assert load_settings().sealing_keys == ()


@pytest.mark.parametrize("between", [" ", ",", ", ", "\n"])
def test_they_keep_their_order(monkeypatch: pytest.MonkeyPatch, between: str) -> None:
    monkeypatch.setenv("POOLMEDIC_PAYLOAD_KEYS", f"new:{KEY}{between}old.1:{OTHER}")
    keys = load_payload_keys()
    assert [(key.id, key.secret) for key in keys] == [("new", SECRET), ("old.1", SECRET[::-1])]
    assert load_settings().sealing_keys == keys


def test_they_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"new:{KEY}\nold:{OTHER}\n")
    monkeypatch.setenv("POOLMEDIC_PAYLOAD_KEYS_FILE", str(tmp_path / "keys"))
    assert [key.id for key in load_payload_keys()] == ["new", "old"]
    assert load_settings().sealing_keys == load_payload_keys()


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        (KEY, "entry 1: there is no `:`"),
        (f"a:{KEY} {OTHER}", "entry 2: there is no `:`"),
        (f":{KEY}", "entry 1: its id is not"),
        (f"{KEY}:a", "entry 1: its id is not"),
        (f"{'a' * 33}:{KEY}", "entry 1: its id is not"),
        (f"a/b:{KEY}", "entry 1: its id is not"),
        (f"a:{KEY[:-1]}", "entry 1: its key is not base64"),
        (f"a:{KEY}!", "entry 1: its key is not base64"),
        (f"a:b:{KEY}", "entry 1: its key is not base64"),
        (f"a:{KEY[:24]}", "entry 1: its key is not 32 bytes long"),
        ("a:", "entry 1: its key is not 32 bytes long"),
        (f"a:{KEY} a:{OTHER}", "entry 2: its id is that of an earlier one"),
    ],
)
async def test_a_bad_one_is_refused_with_the_remedy_and_without_the_key(
    monkeypatch: pytest.MonkeyPatch, entries: str, told: str
) -> None:
    monkeypatch.setenv("POOLMEDIC_PAYLOAD_KEYS", entries)
    for refused in (load_payload_keys, load_settings):
        with pytest.raises(ConfigurationRefused) as refusal:
            refused()
        _is_told(str(refusal.value), told)
    with pytest.raises(ConfigurationRefused) as refusal:
        await connect(runtime=None, lazy=True)  # type: ignore[arg-type]  # it does not come to that
    _is_told(str(refusal.value), told)


def _is_told(text: str, told: str) -> None:
    assert f"POOLMEDIC_PAYLOAD_KEYS: {told}" in text
    if "earlier" not in told:
        assert "openssl rand -base64 32" in text
    assert not any(part[:8] in text for part in (KEY, OTHER, KEY[8:], KEY[16:]))


def test_a_file_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLMEDIC_PAYLOAD_KEYS_FILE", "/nowhere/keys")
    for refused in (load_payload_keys, load_settings):
        with pytest.raises(ConfigurationRefused, match="/nowhere/keys, which cannot be read"):
            refused()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"CODEC_TOKENS": TOKEN}, "POOLMEDIC_PAYLOAD_KEYS: must be set beside POOLMEDIC_CODEC_TOKENS"),
        (
            {"PAYLOAD_KEYS": f"a:{KEY}", "CODEC_ORIGIN": "https://temporal.example"},
            "POOLMEDIC_CODEC_TOKENS: must be set beside POOLMEDIC_CODEC_ORIGIN",
        ),
        ({"CODEC_TOKENS": "hunter2"}, "POOLMEDIC_CODEC_TOKENS: a token has fewer"),
        ({"CODEC_ORIGIN": "https://temporal.example/ui"}, "POOLMEDIC_CODEC_ORIGIN: must be the scheme"),
        ({"CODEC_ORIGIN": "*"}, "POOLMEDIC_CODEC_ORIGIN: must be the scheme"),
        ({"CODEC_ORIGIN": "null"}, "POOLMEDIC_CODEC_ORIGIN: must be the scheme"),
    ],
)
def test_the_codec_server_needs_all_of_its_own(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], told: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"POOLMEDIC_{name}", value)
    with pytest.raises(ConfigurationRefused) as refusal:
        load_settings()
    assert told in str(refusal.value)
    assert KEY not in str(refusal.value)


def test_no_key_is_told_with_the_settings_and_every_one_is_known_to_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POOLMEDIC_PAYLOAD_KEYS", f"new:{KEY} old:{OTHER}")
    monkeypatch.setenv("POOLMEDIC_CODEC_TOKENS", TOKEN)
    settings = load_settings()
    assert {*settings.secrets} == {KEY, OTHER, TOKEN}
    told = f"{settings!r} {settings.model_dump_json()} {settings.sealing_keys!r}"
    assert not any(secret in told for secret in (KEY, OTHER, TOKEN, repr(SECRET)))


def test_a_key_is_not_told_with_itself() -> None:
    (key,) = read_payload_keys([f"a:{KEY}"])
    assert repr(key) == "PayloadKey(id='a')"
