"""``make sbom``: the locked packages as a CycloneDX document, from the lock and from what is installed."""

import hashlib
import json
import sys
import tomllib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import Distribution, distributions
from typing import Any

from packaging.requirements import Requirement

from deploy.supply.lock import LOCK, ROOT, Locked, canonical, read_lock

PATH = ROOT / "var" / "sbom.json"
_LICENSE = "License :: OSI Approved :: "
_LONGEST_LICENSE = 60
"""Some write the whole text where a name belongs."""


def main() -> int:
    """Write it, and say where."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked, installed = read_lock(LOCK.read_text()), read_installed()
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(json.dumps(describe(project, locked, installed), indent=2) + "\n")
    print(f"{len(locked)} locked packages are in {PATH.relative_to(ROOT)} (CycloneDX 1.6)")
    return 0


def read_installed(path: Sequence[str] | None = None) -> dict[str, Distribution]:
    """What is installed beside this interpreter, or in these folders, by canonical name."""
    found = distributions() if path is None else distributions(path=list(path))
    return {canonical(each.metadata["Name"]): each for each in found}


def describe(
    project: Mapping[str, Any], locked: Sequence[Locked], installed: Mapping[str, Distribution]
) -> dict[str, Any]:
    """The document; the same lock makes the same, so it holds no time."""
    edges = dict(_edges(project["dependencies"], installed))
    names = {canonical(each.name): _reference(each) for each in locked}
    components = [
        _component(each, installed.get(canonical(each.name)), is_needed=canonical(each.name) in edges)
        for each in locked
    ]
    root = {
        "type": "application",
        "bom-ref": project["name"],
        "name": project["name"],
        "version": project["version"],
        "licenses": [{"license": {"id": project["license"]}}],
    }
    depends = [
        {
            "ref": names.get(name, project["name"]),
            "dependsOn": sorted(names[each] for each in others if each in names),
        }
        for name, others in sorted(edges.items())
        if name in names or not name
    ]
    content = json.dumps([root, components, depends]).encode()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.UUID(bytes=hashlib.sha256(content).digest()[:16], version=4)}",
        "version": 1,
        "metadata": {"component": root},
        "components": components,
        "dependencies": depends,
    }


def _reference(each: Locked) -> str:
    return f"pkg:pypi/{canonical(each.name)}@{each.version}"


def _component(each: Locked, found: Distribution | None, *, is_needed: bool) -> dict[str, Any]:
    is_same = found is not None and found.version == each.version
    told = [{"name": "poolmedic:sha256", "value": digest} for digest in each.digests]
    if each.marker:
        told.append({"name": "poolmedic:marker", "value": each.marker})
    licenses = _licenses(found) if found is not None and is_same else []
    return {
        "type": "library",
        "bom-ref": _reference(each),
        "name": each.name,
        "version": each.version,
        # What only builds, tests or shows the project is no part of what is installed elsewhere.
        "scope": "required" if is_needed else "excluded",
        "purl": _reference(each),
        **({"licenses": licenses} if licenses else {}),
        "properties": told,
    }


def _licenses(found: Distribution) -> list[dict[str, Any]]:
    metadata = found.metadata
    if expression := metadata.get("License-Expression"):
        return [{"expression": expression}]
    classified = [
        line.removeprefix(_LICENSE) for line in metadata.get_all("Classifier", []) if _LICENSE in line
    ]
    short = (metadata.get("License") or "").strip()
    names = classified or ([short] if 0 < len(short) <= _LONGEST_LICENSE and "\n" not in short else [])
    return [{"license": {"name": name}} for name in names]


def _edges(wanted: Sequence[str], installed: Mapping[str, Distribution]) -> Iterator[tuple[str, set[str]]]:
    """Who needs whom, from the project itself, whose name here is empty; extras are followed where asked."""
    edges: dict[str, set[str]] = {"": set()}
    ahead = [("", requirement, "") for requirement in wanted]
    seen: set[tuple[str, str]] = set()
    while ahead:
        by, text, extra = ahead.pop()
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonical(requirement.name)
        edges[by].add(name)
        edges.setdefault(name, set())
        for asked in ("", *requirement.extras):
            if (name, asked) not in seen:
                seen.add((name, asked))
                needs = installed[name].requires or [] if name in installed else []
                ahead += [(name, need, asked) for need in needs]
    yield from edges.items()


if __name__ == "__main__":
    sys.exit(main())
