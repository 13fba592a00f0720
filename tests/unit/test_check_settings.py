"""`poolmedic check` says of addresses, tokens and settings what would only be met in the night."""

import logging
import os
from pathlib import Path

import pytest
import yaml

from tests.unit.configurations import raw
from worker.check import check_everything
from worker.check_settings import check_reports, check_tokens
from worker.findings import Finding, Weight
from worker.settings import Settings, load_settings

SECRET = "nosuch://hunter2secret@example"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Of a configuration with every secret."""
    for name in [each for each in os.environ if each.startswith("POOLMEDIC_")]:
        monkeypatch.delenv(name)
    for name in ("ONCALL_URL", "DBA_URL", "LEAD_URL"):
        monkeypatch.setenv(name, "json://127.0.0.1/")
    monkeypatch.setenv("SHOP_DSN", "postgresql://poolmedic@127.0.0.1/shop")
    file = tmp_path / "poolmedic.yaml"
    file.write_text(yaml.safe_dump(raw(), sort_keys=False))
    return load_settings(config=file)


async def offline(settings: Settings) -> list[Finding]:
    return await check_everything(settings, offline=True)


async def test_addresses_that_apprise_knows_are_not_worth_a_line(settings: Settings) -> None:
    assert await offline(settings) == [Finding(str(settings.config))]


async def test_an_address_that_apprise_does_not_know_is_told_where_it_is_named(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("DBA_URL", SECRET)
    monkeypatch.setenv("LEAD_URL", "hunter2secret")
    with caplog.at_level(logging.DEBUG):
        _, first, second = await offline(settings)
    assert (first.weight, second.weight) == (Weight.PROBLEM, Weight.PROBLEM)
    assert first.where == "routes.dba[0] (line 7)"
    assert second.where.startswith("routes.lead[0] (line ")
    assert "DBA_URL holds no address that Apprise knows" in first.told
    assert "hunter2" not in first.told + second.told
    assert capsys.readouterr().err == ""
    assert [line for line in caplog.records if line.name == "apprise"] == []


def test_alerts_that_cannot_be_taken_are_a_problem(settings: Settings) -> None:
    without = settings.model_copy(update={"webhook_tokens": ()})
    (found,) = check_tokens(without)
    assert found.weight is Weight.PROBLEM
    assert "`poolmedic run` does not start" in found.told


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("POOLMEDIC_WEBHOK_TOKENS", "; is POOLMEDIC_WEBHOOK_TOKENS meant?"),
        ("POOLMEDIC_WEBHOOK_TOKENS_FIL", "; is POOLMEDIC_WEBHOOK_TOKENS_FILE meant?"),
    ],
)
async def test_a_setting_that_nothing_reads_is_noted_with_the_nearest_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    monkeypatch.setenv(name, "hunter2secret")
    _, found = await offline(settings)
    assert found == Finding(name, Weight.NOTE, f"is set, and nothing reads it{told}")


@pytest.mark.parametrize("name", ["POOLMEDIC_CONFIG", "POOLMEDIC_OFFLINE", "POOLMEDIC_LINK_KEYS_FILE"])
async def test_what_is_read_is_not_noted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    assert await offline(settings) == [Finding(str(settings.config))]


async def test_a_secret_of_the_configuration_may_have_any_name(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = raw()
    data["targets"][0]["database"]["dsn"] = "POOLMEDIC_SHOP_DSN"
    settings.config.write_text(yaml.safe_dump(data, sort_keys=False))
    monkeypatch.setenv("POOLMEDIC_SHOP_DSN", "postgresql://poolmedic@127.0.0.1/shop")
    assert await offline(settings) == [Finding(str(settings.config))]


async def test_a_place_where_no_report_can_be_kept_is_a_problem(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"reports": "/proc/nope"})
    found = await check_reports(nowhere, 5.0)
    assert (found.where, found.weight) == ("reports", Weight.PROBLEM)
    assert "/proc/nope" in found.told


async def test_a_place_for_reports_is_left_as_it_was(settings: Settings, tmp_path: Path) -> None:
    place = tmp_path / "var" / "reports"
    absent = settings.model_copy(update={"reports": str(place)})
    assert await check_reports(absent, 5.0) == Finding("reports")
    assert not place.parent.exists()
    place.mkdir(parents=True)
    assert await check_reports(absent, 5.0) == Finding("reports")
    assert list(place.iterdir()) == []


async def test_what_is_valid_and_does_not_do_what_it_seems_to_is_noted(settings: Settings) -> None:
    data = raw()
    options = {"index": "alone", "session-timeout": "alone", "resize": "alone", "restart": "alone"}
    rules = {"mode": "auto", "approval": {"approvers": ["ada"]}}
    data["policies"] = {"default": rules | {"options": options}, "careful": {"mode": "observe"}}
    data["targets"][0]["reload"] = {"file": "run/pool.json"}
    settings.config.write_text(yaml.safe_dump(data, sort_keys=False))
    _, *found = await offline(settings)
    assert {each.where for each in found} == {
        "policies.default.options.index",
        "policies.default.options.resize",
        "policies.default.options.session-timeout",
        "targets[0].reload.file",
    }
    assert {each.weight for each in found} == {Weight.NOTE}
