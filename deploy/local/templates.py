"""Fills the configuration templates of deploy/prometheus."""

from __future__ import annotations

from pathlib import Path

import jinja2
import yaml

FOLDER = Path(__file__).resolve().parents[1] / "prometheus"
RULES = FOLDER / "rules.yml"


def render(name: str, to: Path, **values: object) -> Path:
    """Write the template ``name`` with these values; raises jinja2.UndefinedError if one is missing."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  YAML, not HTML: strings go through tojson
    )
    to.write_text(environment.get_template(name).render(values))
    return to


def render_rules(to: Path, waits: dict[str, str]) -> Path:
    """Write the project's rules with another ``for`` per alert name; raises KeyError for an unknown alert."""
    content = yaml.safe_load(RULES.read_text())
    alerts = {
        rule["alert"]: rule for group in content["groups"] for rule in group["rules"] if "alert" in rule
    }
    for alert, wait in waits.items():
        alerts[alert]["for"] = wait
    to.write_text(yaml.safe_dump(content, sort_keys=False, width=1000))
    return to
