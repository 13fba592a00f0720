"""Every fault of a configuration is told with its path and its remedy, all of them together."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import HttpUrl, SecretStr

from tests.fakes import cases
from tests.unit.configurations import PROFILES, another, raw, read
from tests.unit.faults import FAULTS, Spoil
from tests.unit.faults_of_approval import FAULTS_OF_APPROVAL
from worker.config_file import load_configuration, read_configuration
from worker.errors import ConfigurationRefused
from worker.links import require_keys
from worker.settings import Settings
from workflows.models.policy import Mode, Option, Permission

EVERY_FAULT = FAULTS | FAULTS_OF_APPROVAL


def refused(data: dict[str, Any], *, with_secrets: bool = False) -> dict[str, str]:
    with pytest.raises(ConfigurationRefused) as refusal:
        read(data, with_secrets=with_secrets)
    return {fault.path: fault.message for fault in refusal.value.faults}


def test_a_valid_file_is_read() -> None:
    configuration = read(raw())
    assert configuration.targets[0].policy == "default"
    assert configuration.policies["default"].mode is Mode.OBSERVE
    assert configuration.alerts == ("DatabaseConnectionPoolExhausted",)


def test_the_runbook_s_age_is_filled_in_where_none_is_set() -> None:
    configuration = read(raw())
    target = configuration.targets[0]
    assert configuration.policy_of(target).thresholds.leak_age_alone == timedelta(minutes=5)
    other = read(raw() | {"policies": {"default": {"thresholds": {"leak_age_alone": "2m"}}}})
    assert other.policy_of(target).thresholds.leak_age_alone == timedelta(minutes=2)


def test_an_incident_has_the_mode_of_its_own_target() -> None:
    policies: dict[str, Any] = {"default": {}, "careful": {"mode": "auto", "options": {}}}
    targets = [*raw()["targets"], another("billing") | {"policy": "careful"}]
    configuration = read(raw() | {"policies": policies, "targets": targets})
    alert = cases.alert(configuration.targets[0].plain(), datetime.now(UTC))
    modes = [configuration.case(each, alert, {}).policy.mode for each in configuration.targets]
    assert modes == [Mode.OBSERVE, Mode.AUTO]


def test_an_incident_knows_the_other_targets_of_its_database() -> None:
    elsewhere = another("elsewhere")
    elsewhere["database"]["name"] = "second"
    configuration = read(raw() | {"targets": [*raw()["targets"], another("billing"), elsewhere]})
    first, _, alone = configuration.targets
    alert = cases.alert(first.plain(), datetime.now(UTC))
    assert [each.target for each in configuration.case(first, alert, {}).neighbours] == ["billing"]
    assert configuration.case(alone, alert, {}).neighbours == ()


@pytest.mark.parametrize(
    "path",
    [
        "clocks.acknowledge",
        "clocks.resolve",
        "clocks.leadership",
        "clear_window.length",
        "clear_window.step",
        "pace.relook",
    ],
)
@pytest.mark.parametrize("value", ["0s", "0.9s"])
def test_a_wait_of_no_length_would_spin(path: str, value: str) -> None:
    group, key = path.split(".")
    found = refused(raw() | {"policies": {"default": {group: {key: value}}}})
    assert "at least 1s" in found[f"policies.default.{path}"]


def test_a_wait_of_one_second_is_one() -> None:
    policies = {"default": {"clear_window": {"length": "1s", "step": "1s"}, "pace": {"watch": ["1s"]}}}
    assert read(raw() | {"policies": policies}).policies["default"].pace.watch == (timedelta(seconds=1),)


@pytest.mark.parametrize(("spoil", "path", "remedy"), EVERY_FAULT.values(), ids=EVERY_FAULT.keys())
def test_one_fault_is_told_with_its_path_and_remedy(spoil: Spoil, path: str, remedy: str) -> None:
    data = raw()
    spoil(data)
    found = refused(data)
    assert list(found) == [path]
    assert remedy in found[path]
    assert "hunter2secret" not in str(found)


def test_a_policy_may_name_fewer_approvers_than_have_routes_in_default() -> None:
    """What `default` says is merged into it, so nothing could take a person out of there."""
    both = {"approvers": ["ada", "grace"], "routes": {"ada": ["oncall"], "grace": ["dba"]}}
    careful = {"approval": {"approvers": ["grace"]}}
    policies = {"default": {"approval": both}, "careful": careful}
    assert read(raw() | {"policies": policies}).policies["careful"].approval.reached == ("grace",)


def test_targets_of_one_service_may_be_told_apart_by_labels_of_one_s_own() -> None:
    """Their alerts do not come from the rules of deploy/prometheus, which bear no such label."""
    apart = [another(zone) | {"matchers": {"service": "shop", "zone": zone}} for zone in ("a", "b")]
    assert len(read(raw() | {"targets": apart}).targets) == 2


def test_two_secrets_that_hold_one_address_are_no_two_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one approval is enough, as in a trial by one person, nobody counts as two."""
    for name, value in {"SHOP_DSN": "x", "ONCALL_URL": "a", "DBA_URL": "b", "LEAD_URL": "b\n"}.items():
        monkeypatch.setenv(name, value)
    approval = {"approvers": ["ada", "grace"], "routes": {"ada": ["dba"], "grace": ["lead"]}}
    data = raw() | {"policies": {"default": {"approval": approval}, "two": {"approval": {"people": 2}}}}
    read(data)
    found = refused(data, with_secrets=True)
    assert list(found) == ["policies.two.approval.routes.grace[0]"]
    assert "lead leads to an address of ada's route dba (LEAD_URL and DBA_URL hold the same)" in str(found)
    data["policies"]["two"]["approval"]["approvers"] = ["ada", "eve"]
    read(data, with_secrets=True)


def test_links_that_nobody_can_sign_are_refused_before_anything_starts() -> None:
    approval = {"approvers": ["ada"], "routes": {"ada": ["oncall"]}}
    linked = read(raw() | {"policies": {"default": {"approval": approval}}})
    with pytest.raises(ConfigurationRefused, match="POOLMEDIC_LINK_KEYS: is not set"):
        require_keys(Settings(), linked)
    require_keys(Settings(), read(raw()))
    keys, url = (SecretStr("key-of-links-0123456789"),), HttpUrl("https://poolmedic.example")
    require_keys(Settings(link_keys=keys, public_url=url), linked)


def test_all_faults_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONCALL_URL", "json://127.0.0.1/")
    data = raw()
    data["targets"].append(another("other"))
    data["targets"][0]["instances"][0]["pool_size"] = "many"
    data["targets"][1]["profile"] = "django"
    data["targets"][1]["database"]["dsn"] = "OTHER_DSN"
    data["policies"] = {"careful": {"mode": "approve"}}
    data["extra"] = 1
    assert set(refused(data, with_secrets=True)) == {
        "targets[0].instances[0].pool_size",
        "targets[1].profile",
        "targets[0].database.dsn",
        "targets[1].database.dsn",
        "routes.dba[0]",
        "routes.lead[0]",
        "policies.careful",
        "extra",
    }


def test_a_fault_of_the_default_policy_is_told_once() -> None:
    data = raw()
    data["policies"] = {"default": {"mode": "auto"}, "careful": {"limits": {"acts_per_hour": 1}}}
    assert list(refused(data)) == ["policies.default"]


def test_a_policy_takes_from_default_what_it_does_not_say() -> None:
    data = raw()
    data["policies"] = {
        "default": {"mode": "auto", "approval": {"approvers": ["dba"]}, "options": {"terminate": "alone"}},
        "careful": {"options": {"restart": "approval"}, "clocks": {"resolve": "20m"}},
    }
    careful = read(data).policies["careful"]
    assert careful.mode is Mode.AUTO
    assert careful.approval.approvers == ("dba",)
    assert careful.clocks.resolve == timedelta(minutes=20)
    assert careful.clocks.acknowledge == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        ({"options": {"terminate": "approval"}}, {Option.TERMINATE: Permission.APPROVAL}),
        ({"options": {}}, {}),
        ({}, {Option.TERMINATE: Permission.ALONE, Option.RESTART: Permission.ALONE}),
    ],
)
def test_options_that_a_policy_gives_are_all_of_its_options(
    given: dict[str, Any], allowed: dict[Option, Permission]
) -> None:
    data = raw()
    options = {"terminate": "alone", "restart": "alone"}
    data["policies"] = {
        "default": {"mode": "auto", "approval": {"approvers": ["dba"]}, "options": options},
        "careful": given,
    }
    careful = read(data).policies["careful"]
    assert careful.options == allowed
    assert {option for option in Option if careful.permission(option) is not Permission.NEVER} == set(allowed)


def test_secrets_may_lie_in_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ONCALL_URL", "DBA_URL", "LEAD_URL"):
        monkeypatch.setenv(name, "json://127.0.0.1/")
    (tmp_path / "dsn").write_text("postgres://poolmedic@127.0.0.1/shop\n")
    monkeypatch.setenv("SHOP_DSN_FILE", str(tmp_path / "dsn"))
    read(raw(), with_secrets=True)
    (tmp_path / "dsn").write_text("\n")
    assert "empty" in refused(raw(), with_secrets=True)["targets[0].database.dsn"]
    (tmp_path / "dsn").unlink()
    assert "cannot be read" in refused(raw(), with_secrets=True)["targets[0].database.dsn"]


TEXTS = {
    "nothing": ("", "the file", "has no keys"),
    "no YAML": ("targets: [", "the file", "correct the YAML"),
    "two documents": ("a: 1\n---\nb: 2\n", "the file", "correct the YAML"),
    "a key twice": ("links: {}\nlinks: {}\n", "links", "given twice"),
    "no number": ("prometheus: .nan\n", "prometheus", "not a number"),
    "a number without bounds": ("prometheus: 1.0e+999\n", "prometheus", "not a number"),
    "a number of too many digits": (f"alerts: [{'9' * 5000}]\n", "alerts[0]", "not what it looks like"),
    "such a number in other digits": (f"alerts: [0x{'f' * 5000}]\n", "alerts[0]", "not what it looks like"),
    "a kind that does not fit": ("alerts: !!int many\n", "alerts", "not what it looks like"),
    "half a character": ('alerts: ["\\uD800"]\n', "alerts[0]", "not what it looks like"),
    "a group within itself": ("routes: &r\n  all: *r\n", "routes.all", "contains itself"),
    "a list within itself": ("alerts: &a [*a]\n", "alerts[0]", "contains itself"),
    "a policy merged into itself": ("policies: &p {<<: *p}\n", "policies.<<", "contains itself"),
    "lists in lists": (f"alerts: {'[' * 3000}{']' * 3000}\n", "the file", "deep"),
    "groups in groups": (f"links: {'{a: ' * 3000}1{'}' * 3000}\n", "the file", "deep"),
    "a number as key": ("routes:\n  5: [X]\n", "routes", "in quotes"),
}


@pytest.mark.parametrize(("text", "path", "message"), TEXTS.values(), ids=TEXTS.keys())
def test_text_that_is_no_configuration(text: str, path: str, message: str) -> None:
    with pytest.raises(ConfigurationRefused) as refusal:
        read_configuration(text, "poolmedic.yaml", profiles=PROFILES, with_secrets=False)
    assert any(fault.path == path and message in fault.message for fault in refusal.value.faults)


def test_aliases_that_would_fill_the_memory_are_not_written_out() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{this}: &{this} [{', '.join([f'*{last}'] * 10)}]" for last, this in pairwise("abcdefgh")]
    with pytest.raises(ConfigurationRefused, match="give fewer"):
        read_configuration("\n".join(lines), "poolmedic.yaml", profiles=PROFILES, with_secrets=False)


def test_the_line_is_told() -> None:
    with pytest.raises(ConfigurationRefused, match=r"prometheus\.uri \(line 3\)"):
        read_configuration(
            "# first\nprometheus:\n  uri: x\n", "poolmedic.yaml", profiles=PROFILES, with_secrets=False
        )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationRefused, match="POOLMEDIC_CONFIG"):
        load_configuration(tmp_path / "none.yaml", profiles=PROFILES, with_secrets=False)
