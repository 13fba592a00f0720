"""Metric profiles: what they may say, and what is said of a wrong one."""

import ast
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from activities.profiles.library import load_profiles
from activities.profiles.profile import Profile
from worker.errors import ConfigurationRefused
from worker.profiles import known_profiles
from worker.settings import Settings
from workflows.errors import NotConfigured

ROOT = Path(__file__).resolve().parents[2]
LEAST: dict[str, Any] = {
    "instance_label": "instance",
    "series": {"active": "app_active", "idle": "app_idle", "size": "app_size"},
    "pages": {"health": {"path": "/health"}, "probe": {"path": "/probe"}},
}


@pytest.fixture
def covetpy() -> Profile:
    return load_profiles()["covetpy"]


def test_the_profile_names_the_runbooks_metrics(covetpy: Profile) -> None:
    selectors = covetpy.selectors({"job": "shop"})
    assert selectors["active"] == 'covet_db_connections_active{job="shop"}'
    assert selectors["errors_503"] == 'covet_http_5xx_responses_total{job="shop",status="503"}'


@pytest.mark.parametrize("profile", load_profiles().values(), ids=load_profiles())
def test_every_template_can_be_filled(profile: Profile) -> None:
    window, ago = timedelta(minutes=1), timedelta(hours=1)
    assert profile.usual
    for template in (profile.usual.request_rate, profile.usual.hold_seconds):
        assert template
        filled = profile.query(template, {"job": 'a"b'}, window=window, ago=ago, before=ago)
        assert "$" not in filled
        assert r'job="a\"b"' in filled
        assert "offset 3600000ms" in filled
    for _, template in profile.queries:
        assert template is None or "$" not in profile.query(template, {"job": "a"}, window=window)


def test_a_label_of_the_profile_outweighs_one_of_the_target(covetpy: Profile) -> None:
    assert 'status="503"' in covetpy.selectors({"status": "200"})["errors_503"]


def test_the_least_profile_is_enough() -> None:
    profile = Profile.model_validate(LEAST)
    assert set(profile.selectors({})) == {"active", "idle", "size"}
    assert profile.usual is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("unknown", 1),
        ("instance_label", "a-b"),
        ("recent", "soon"),
        ("series.active", "a b"),
        ("series.active", {"name": "a", "labels": {"a-b": "c"}}),
        ("series.sise", "app_size"),
        ("queries.request_rate", "rate($requests[1m])"),
        ("queries.request_rate", "rate($active[$ago])"),
        ("queries.request_rate", "rate($ active)"),
        ("pages.health.path", "health"),
        ("pages.health.path", "/he alth"),
        ("pages.health.status", "status"),
        ("pages.health.status", "/a~2"),
        ("usual", {"ago": [], "window": "1m"}),
        ("pages.queries", {"path": "/q", "entries": "/q", "text": "/t"}),
        (
            "pages.queries",
            {"path": "/q", "entries": "", "text": "", "mean_seconds": "/s", "mean_milliseconds": "/m"},
        ),
        ("pages.pool", {"path": "/p", "active": "/a", "idle": "/i", "size": "/s", "checkouts": {}}),
    ],
)
def test_a_wrong_profile_is_refused_with_its_path(tmp_path: Path, path: str, value: object) -> None:
    document = yaml.safe_load(yaml.safe_dump(LEAST))
    *outer, last = path.split(".")
    inner = document
    for part in outer:
        inner = inner.setdefault(part, {})
    inner[last] = value
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(NotConfigured, match=r"mine\.yaml") as refused:
        load_profiles(tmp_path)
    assert path.split(".")[0] in refused.value.message or last in refused.value.message
    with pytest.raises(ValidationError):
        Profile.model_validate(document)


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe", b"- 1", b"", b"a: !!python/object:os.system x"])
def test_a_file_that_is_no_profile_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.yaml").write_bytes(content)
    with pytest.raises(NotConfigured, match=r"odd\.yaml"):
        load_profiles(tmp_path)


def test_a_fault_of_the_whole_is_told_in_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump({**LEAST, "queries": {"hold_seconds": "$nothing"}}))
    with pytest.raises(NotConfigured) as refused:
        load_profiles(tmp_path)
    assert "odd.yaml: hold_seconds: $nothing is no series of this profile" in refused.value.message


def test_a_key_that_is_not_known_comes_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump({**LEAST, "serie": {}}))
    with pytest.raises(NotConfigured, match=r"odd\.yaml: serie: there is no such key; docs/profiles\.md"):
        load_profiles(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="nowhere"):
        load_profiles(tmp_path / "nowhere")


def test_a_users_own_profile_stands_beside_and_before_the_built_in_ones(tmp_path: Path) -> None:
    for name in ("mine", "covetpy"):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(LEAST))
    (tmp_path / "notes.txt").write_text("not a profile")
    profiles = load_profiles(tmp_path)
    assert set(profiles) == {*load_profiles(), "mine"}
    assert profiles["covetpy"].series.active.names == ("app_active",)


def test_the_configuration_names_a_folder_beside_itself(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "django.yaml").write_text(yaml.safe_dump(LEAST))
    file = tmp_path / "poolmedic.yaml"
    file.write_text("profiles: mine\n")
    assert "django" in known_profiles(Settings(config=file))
    other = tmp_path / "other"
    other.mkdir()
    assert "django" not in known_profiles(Settings(config=file, profiles=other))


@pytest.mark.parametrize("content", ["profiles: [mine]", "profiles:", "- 1", "a: [", "b: 1"])
def test_a_file_that_names_no_folder_leaves_the_built_in_ones(tmp_path: Path, content: str) -> None:
    file = tmp_path / "poolmedic.yaml"
    file.write_text(content)
    assert set(known_profiles(Settings(config=file))) == set(load_profiles())
    assert set(known_profiles(Settings(config=tmp_path / "none.yaml"))) == set(load_profiles())


def test_a_folder_of_the_configuration_that_is_not_there_is_told_with_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / "poolmedic.yaml"
    file.write_text("profiles: nowhere\n")
    with pytest.raises(ConfigurationRefused, match=r"nowhere cannot be read .*; name a folder that is there"):
        known_profiles(Settings(config=file))


def _words(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        yield from (name for _, name in ast.iter_fields(node) if isinstance(name, str))


def test_only_the_profile_knows_the_framework() -> None:
    named = {
        str(file.relative_to(ROOT))
        for folder in ("workflows", "activities", "worker")
        for file in (ROOT / folder).rglob("*.py")
        if any("covet" in word.lower() for word in _words(file))
    }
    assert named == set()
