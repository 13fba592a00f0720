"""Which secrets a process knows, so that no line of its log holds them."""

import base64

import pytest

from worker.errors import ConfigurationRefused
from worker.logs import Redaction
from worker.secret import secrets_of_libraries
from worker.wiring import _Secrets


def test_what_libraries_read_by_themselves_is_known() -> None:
    environment = {
        "TEMPORAL_API_KEY": "key-of-temporal",
        "PGPASSWORD": "password-of-all",
        "AWS_SECRET_ACCESS_KEY": "key-of-storage",
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=first%2Fone, authorization: Bearer second",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "authorization=Basic third",
        "HOME": "/home/ada",
    }
    redaction = Redaction()
    redaction.know(secrets_of_libraries(environment))
    for said in (
        "key-of-temporal",
        "password-of-all",
        "key-of-storage",
        "first%2Fone",
        "first/one",
        "Basic third",
    ):
        assert redaction.blot(f"it says {said} here") == "it says ********** here"
    assert "second" not in redaction.blot("Header format invalid: authorization: Bearer second")
    assert redaction.blot("/home/ada") == "/home/ada"


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://medic:hun%2Fter2@db/shop",
        "postgresql://db/shop?user=medic&password=hun%2Fter2",
        "postgresql:///shop?password=hun%2Fter2&host=db",
    ],
)
def test_the_password_of_a_connection_string_is_known_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch, dsn: str
) -> None:
    monkeypatch.setenv("SHOP_DSN", dsn)
    redaction = Redaction()
    assert _Secrets(redaction).dsn("SHOP_DSN") == dsn
    assert redaction.blot("of hun/ter2 and no more") == "of ********** and no more"


@pytest.mark.parametrize(
    ("address", "login"),
    [
        ("postgresql://medic:hun%2Fter2@db/shop", b"medic:hun/ter2"),
        ("https://medic:hun%2Fter2@prometheus.example", b"medic:hun%2Fter2"),
        ("json://m%C3%A9dic:hunter2@chat.example/x", "médic:hunter2".encode()),
        ("json://m%C3%A9dic:hunter2@chat.example/x", "médic:hunter2".encode("latin-1")),
        ("https://only-a-token@chat.example", b"only-a-token:"),
        ("https://medic:~~~>>>@chat.example", b"medic:~~~>>>"),
    ],
)
def test_the_login_of_an_address_is_known_as_http_sends_it(address: str, login: bytes) -> None:
    redaction = Redaction()
    redaction.know([address])
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        sent = encode(login).decode()
        told = redaction.blot(f"Authorization: Basic {sent}, again")
        assert told.replace("=", "") == "Authorization: Basic **********, again"
        assert sent.rstrip("=") not in redaction.blot(f"Basic {sent.rstrip('=')}")


def test_what_is_no_address_with_a_user_has_no_login() -> None:
    redaction = Redaction()
    redaction.know(["https://chat.example/x", "http://[::1", "a-secret-key", "ftp://:@chat.example"])
    assert redaction.blot("Basic Og== and OnNlY3JldA==") == "Basic Og== and OnNlY3JldA=="


def test_a_connection_string_that_is_none_is_refused_and_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DSN", "postgresql://medic:[hunter2@db/shop")
    with pytest.raises(ConfigurationRefused) as refused:
        _Secrets(Redaction()).dsn("SHOP_DSN")
    assert "hunter2" not in str(refused.value)
