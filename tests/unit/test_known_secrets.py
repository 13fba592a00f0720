"""Which secrets a process knows, so that no line of its log holds them."""

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


def test_a_connection_string_that_is_none_is_refused_and_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DSN", "postgresql://medic:[hunter2@db/shop")
    with pytest.raises(ConfigurationRefused) as refused:
        _Secrets(Redaction()).dsn("SHOP_DSN")
    assert "hunter2" not in str(refused.value)
