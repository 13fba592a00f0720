"""Loading the configuration file: all its faults are told together, or the values are returned."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from worker.config import DEFAULT, Configuration, TargetEntry
from worker.config_checks import Roster, check
from worker.config_faults import told, validate
from worker.config_text import Path as KeyPath
from worker.config_text import Text, leaves, parse
from worker.errors import ConfigurationRefused, Fault, MissingSecret
from worker.secret import is_secret_name, read_secret
from workflows.models.policy import Approval


def load_configuration(path: Path, *, profiles: Collection[str], with_secrets: bool) -> Configuration:
    """The configuration in that file; raises `ConfigurationRefused` with everything that is wrong with it.

    `profiles` are the names that a target may give as its metric profile.
    `with_secrets` also looks for the secrets that a worker needs; a webhook on its own needs none of them.
    """
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        fault = Fault(
            "the file", f"cannot be read ({reason}); set POOLMEDIC_CONFIG to your configuration file"
        )
        raise ConfigurationRefused(str(path), (fault,)) from error
    return read_configuration(source, str(path), profiles=profiles, with_secrets=with_secrets)


def read_configuration(
    source: str, name: str, *, profiles: Collection[str], with_secrets: bool
) -> Configuration:
    """As `load_configuration`, from text."""
    text = parse(source)
    if text.data is None:
        raise ConfigurationRefused(name, tuple(text.faults))
    text.data["policies"] = _merge_policies(text.data.get("policies"))
    configuration, wrong = validate(Configuration, text.data)
    faults = [*text.faults, *told(wrong, text)]
    secrets, missing = _look_for_secrets(text) if with_secrets else ({}, [])
    roster = _roster(text.data, configuration, profiles, secrets)
    faults += [text.fault(path, message) for path, message in check(roster)]
    faults += missing
    if faults or configuration is None:
        raise ConfigurationRefused(name, tuple(dict.fromkeys(faults)))
    return configuration


def _merge_policies(policies: object) -> object:
    """Every policy over `default`; what cannot be merged is left for the validation to refuse."""
    if not isinstance(policies, dict | None):
        return policies
    given: dict[Any, Any] = {DEFAULT: {}} | (policies or {})
    return {name: _over_default(given[DEFAULT], policy) for name, policy in given.items()}


def _over_default(default: object, policy: object) -> object:
    """A policy that gives `options` gives all of them: what it leaves out must not be done by `default`'s."""
    merged = _merge(default, policy)
    if isinstance(merged, dict) and isinstance(policy, dict) and "options" in policy:
        return merged | {"options": policy["options"]}
    return merged


def _merge(base: object, over: object) -> object:
    if isinstance(base, dict) and isinstance(over, dict):
        return base | {key: _merge(base.get(key), value) for key, value in over.items()}
    return over


def _roster(
    data: dict[str, Any],
    configuration: Configuration | None,
    profiles: Collection[str],
    secrets: dict[str, str],
) -> Roster:
    """What can be checked even while other parts have faults."""
    links = data.get("links")
    return Roster(
        targets=tuple(_valid_targets(data, configuration)),
        routes=_routes(data.get("routes")),
        secrets=secrets,
        policies=_names(data["policies"]),
        approvals=dict(_valid_approvals(data["policies"])),
        profiles=frozenset(profiles),
        links={name: link for name, link in links.items() if isinstance(link, str)}
        if isinstance(links, dict)
        else {},
    )


def _valid_targets(
    data: dict[str, Any], configuration: Configuration | None
) -> Iterator[tuple[int, TargetEntry]]:
    if configuration is not None:
        yield from enumerate(configuration.targets)
        return
    listed = data.get("targets")
    for place, raw in enumerate(listed if isinstance(listed, list) else []):
        if (target := validate(TargetEntry, raw)[0]) is not None:
            yield place, target


def _valid_approvals(policies: object) -> Iterator[tuple[str, Approval]]:
    for name, raw in policies.items() if isinstance(policies, dict) else ():
        if isinstance(raw, dict) and (found := validate(Approval, raw.get("approval", {}))[0]) is not None:
            yield str(name), found


def _names(group: object) -> frozenset[str]:
    return frozenset(str(name) for name in group) if isinstance(group, dict) else frozenset()


def _routes(group: object) -> dict[str, frozenset[str]]:
    routes = group if isinstance(group, dict) else {}
    return {
        str(name): frozenset(each for each in secrets if isinstance(each, str))
        if isinstance(secrets, list)
        else frozenset()
        for name, secrets in routes.items()
    }


def _look_for_secrets(text: Text) -> tuple[dict[str, str], list[Fault]]:
    """Those that there are, by name, and what keeps the others away."""
    found, missing = dict[str, str](), list[Fault]()
    for path, name in _secret_names(text.data):
        try:
            found[name] = read_secret(name)
        except MissingSecret as error:
            missing.append(text.fault(path, str(error)))
    return found, missing


def _secret_names(data: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Path and name of every secret that is named as it must be, wherever the rest has faults."""
    for path, value in leaves(data):
        is_login = path[-2:] in (("database", "dsn"), ("database", "index_dsn"))
        names_secret = path[0] == "routes" or is_login or path[1:] == ("token",)
        if names_secret and isinstance(value, str) and is_secret_name(value):
            yield path, value
