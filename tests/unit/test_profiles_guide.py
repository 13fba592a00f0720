"""docs/profiles.md: what it shows works, and it tells every key."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from activities.profiles.library import load_profiles
from activities.profiles.profile import (
    Checkouts,
    HealthPage,
    Pages,
    PoolPage,
    Profile,
    Queries,
    QueriesPage,
    SeriesNames,
    Usual,
)
from activities.profiles.series import Series

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "profiles.md").read_text()
SHOWN: list[Any] = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)]


def test_the_smallest_profile_works() -> None:
    assert set(Profile.model_validate(SHOWN[0]).series.listed()) == {"active", "idle", "size"}


def test_every_form_of_a_series_works() -> None:
    profile = Profile.model_validate(SHOWN[0] | {"series": SHOWN[1]})
    assert profile.selectors({"database": "shop", "user": "app", "job": "pool"})["size"] == (
        'shop_databases_maximum{job="pool",name="shop"}'
    )
    assert profile.series.timeouts
    assert profile.series.timeouts.always


def test_the_pages_for_people_work() -> None:
    pages = SHOWN[0]["pages"] | SHOWN[2]
    assert Profile.model_validate(SHOWN[0] | {"pages": pages}).pages.queries


@pytest.mark.parametrize(
    "part",
    [Profile, SeriesNames, Series, Queries, Usual, Pages, HealthPage, PoolPage, Checkouts, QueriesPage],
)
def test_every_key_is_told(part: type[BaseModel]) -> None:
    keys = [field.alias or name for name, field in part.model_fields.items()]
    assert [key for key in keys if not re.search(rf"\b{key}\b", GUIDE)] == []


def test_every_profile_that_comes_along_is_listed() -> None:
    assert [name for name in load_profiles() if f"| `{name}` |" not in GUIDE] == []
