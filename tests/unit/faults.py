"""What can be wrong in a configuration: how to spoil it, the path that is told, a word of the remedy."""

from collections.abc import Callable
from typing import Any

from tests.unit.configurations import another

type Spoil = Callable[[dict[str, Any]], object]

FAULTS: dict[str, tuple[Spoil, str, str]] = {
    "an unknown key at the top": (lambda d: d.update(target=[]), "target", "targets meant"),
    "an unknown key deep inside": (
        lambda d: d["targets"][0]["database"].update(dns="X"),
        "targets[0].database.dns",
        "dsn meant",
    ),
    "an unknown key of a policy": (
        lambda d: d.update(policies={"default": {"clocks": {"acknowledg": "5m"}}}),
        "policies.default.clocks.acknowledg",
        "acknowledge meant",
    ),
    "a key that is known elsewhere": (
        lambda d: d.update(policy={"default": {"mode": "auto"}}),
        "policy",
        "is policies meant?",
    ),
    "a key of a target that is known elsewhere": (
        lambda d: d["targets"][0].update(alert="X"),
        "targets[0].alert",
        "remove it",
    ),
    "an unknown key of a group that may be left out": (
        lambda d: d["targets"][0].update(reload={"file": "/run/pool.json", "sizekey": "n"}),
        "targets[0].reload.sizekey",
        "size_key meant",
    ),
    "text for a truth value": (
        lambda d: d["targets"][0].update(critical="no"),
        "targets[0].critical",
        "must be true or false",
    ),
    "no matcher": (lambda d: d["targets"][0].update(matchers={}), "targets[0].matchers", "at least one"),
    "a missing key": (lambda d: d.pop("prometheus"), "prometheus", "required"),
    "text for a number": (
        lambda d: d["targets"][0]["instances"][0].update(pool_size="20"),
        "targets[0].instances[0].pool_size",
        "integer",
    ),
    "a truth value for a number": (
        lambda d: d["targets"][0]["instances"][0].update(pool_size=True),
        "targets[0].instances[0].pool_size",
        "integer",
    ),
    "a number for a duration": (
        lambda d: d.update(policies={"default": {"clocks": {"resolve": 15}}}),
        "policies.default.clocks.resolve",
        "like 30s",
    ),
    "no address": (lambda d: d["prometheus"].update(url="prometheus:9090"), "prometheus.url", "URL"),
    "a group where a list belongs": (lambda d: d.update(targets={}), "targets", "list"),
    "no target": (lambda d: d.update(targets=[]), "targets", "is empty; needs at least one"),
    "an unknown mode": (
        lambda d: d.update(policies={"default": {"mode": "yolo"}}),
        "policies.default.mode",
        "auto",
    ),
    "an unknown option": (
        lambda d: d.update(policies={"default": {"options": {"reboot": "alone"}}}),
        "policies.default.options.reboot",
        "restart",
    ),
    "an unknown policy": (
        lambda d: d["targets"][0].update(policy="strict"),
        "targets[0].policy",
        "known: default",
    ),
    "an unknown profile": (
        lambda d: d["targets"][0].update(profile="django"),
        "targets[0].profile",
        "known: covetpy",
    ),
    "an unknown route": (
        lambda d: d["targets"][0]["routes"].update(l2=["dba", "phone"]),
        "targets[0].routes.l2[1]",
        "known: dba, lead, oncall",
    ),
    "a connection string for its name": (
        lambda d: d["targets"][0]["database"].update(dsn="postgres://shop:hunter2secret@db/shop"),
        "targets[0].database.dsn",
        "environment variable",
    ),
    "an Apprise address for its name": (
        lambda d: d["routes"].update(dba=["slack://hunter2secret"]),
        "routes.dba[0]",
        "environment variables",
    ),
    "two targets of one name": (
        lambda d: d["targets"].append(another("other") | {"name": "shop"}),
        "targets[1].name",
        "own name",
    ),
    "two targets with the same matchers": (
        lambda d: d["targets"].append(another("other") | {"matchers": {"job": "shop"}}),
        "targets[1].matchers",
        "tells them apart",
    ),
    "a target that takes another's alerts too": (
        lambda d: d["targets"].append(another("other") | {"matchers": {"job": "shop", "zone": "b"}}),
        "targets[1].matchers",
        "tells them apart",
    ),
    "two targets of one service": (
        lambda d: (
            d["targets"][0].update(matchers={"service": "shop", "instance": "a"}),
            d["targets"].append(another("other") | {"matchers": {"service": "shop", "instance": "b"}}),
        ),
        "targets[1].matchers.service",
        "would hide the other; give each target its own service",
    ),
    "an empty matcher": (
        lambda d: d["targets"][0].update(matchers={"job": ""}),
        "targets[0].matchers",
        "empty value",
    ),
    "sessions of two targets alike": (
        lambda d: (
            d["targets"].append(another("other")),
            d["targets"][1]["database"].update(application_names=["other", "shop"]),
        ),
        "targets[1].database.application_names",
        "sessions of shop",
    ),
    "one container of two targets": (
        lambda d: (
            d["targets"].append(another("other")),
            d["targets"][1]["instances"][0].update(container="shop-1"),
        ),
        "targets[1].instances[0].container",
        "container of shop",
    ),
    "one server with two identities": (
        lambda d: (
            d["targets"].append(another("other")),
            d["targets"][0]["database"].update(system_identifier="1"),
            d["targets"][1]["database"].update(system_identifier="2"),
        ),
        "targets[1].database.system_identifier",
        "name two servers",
    ),
    "one server with two numbers of processors": (
        lambda d: (
            d["targets"].append(another("other")),
            d["targets"][0]["database"].update(cores=8),
            d["targets"][1]["database"].update(cores=16),
        ),
        "targets[1].database.cores",
        "one server has one number",
    ),
    "no processor": (
        lambda d: d["targets"][0]["database"].update(cores=0),
        "targets[0].database.cores",
        "greater than 0",
    ),
    "two instances at one address": (
        lambda d: d["targets"][0]["instances"].append(
            {"name": "shop-2:8000", "url": "http://127.0.0.1:8000", "pool_size": 20}
        ),
        "targets[0].instances[1].url",
        "same address",
    ),
    "two instances of one name": (
        lambda d: d["targets"][0]["instances"].append(
            {"name": "shop-1:8000", "url": "http://127.0.0.1:8001", "pool_size": 20}
        ),
        "targets[0].instances[1].name",
        "another instance is called shop-1:8000 as well",
    ),
    "a duration beyond every calendar": (
        lambda d: d.update(policies={"default": {"clocks": {"acknowledge": "99999999999h"}}}),
        "policies.default.clocks.acknowledge",
        "a year",
    ),
    "a duration that no date can hold": (
        lambda d: d.update(policies={"default": {"limits": {"resize_for": "99999999h"}}}),
        "policies.default.limits.resize_for",
        "a year",
    ),
    "a duration of four hundred digits": (
        lambda d: d.update(policies={"default": {"clocks": {"resolve": "9" * 400 + "s"}}}),
        "policies.default.clocks.resolve",
        "a year",
    ),
    "a look that follows at once": (
        lambda d: d.update(policies={"default": {"pace": {"watch": ["15m", "0s"]}}}),
        "policies.default.pace.watch[1]",
        "at least 1s",
    ),
    "a step longer than the window": (
        lambda d: d.update(policies={"default": {"clear_window": {"length": "1m", "step": "61s"}}}),
        "policies.default.clear_window",
        "small part",
    ),
    "a password in an instance's address": (
        lambda d: d["targets"][0]["instances"][0].update(url="http://u:hunter2secret@app:8000"),
        "targets[0].instances[0].url",
        "leave them out",
    ),
    "a user alone in an instance's address": (
        lambda d: d["targets"][0]["instances"][0].update(url="http://hunter2secret@app:8000"),
        "targets[0].instances[0].url",
        "leave them out",
    ),
    "a password in the address of Prometheus": (
        lambda d: d["prometheus"].update(url="http://:hunter2secret@prometheus:9090"),
        "prometheus.url",
        "leave them out",
    ),
    "a password in a link": (
        lambda d: d.update(links={"dashboard": "https://u:hunter2secret@grafana/{target}"}),
        "links.dashboard",
        "leave them out",
    ),
    "a link as wide as a memory": (
        lambda d: d.update(links={"dashboard": "http://grafana/{target:>999999999}"}),
        "links.dashboard",
        "as here",
    ),
    "a link that converts": (
        lambda d: d.update(links={"dashboard": "http://grafana/{target!r}"}),
        "links.dashboard",
        "as here",
    ),
    "a link of two lines": (
        lambda d: d.update(links={"dashboard": "http://grafana/{target}\n@here"}),
        "links.dashboard",
        "one line",
    ),
    "a link to nowhere": (lambda d: d.update(links={"dashboard": "https://"}), "links.dashboard", "host"),
    "a link with a label in it": (
        lambda d: d.update(links={"dashboard": "http://grafana/{alertname}"}),
        "links.dashboard",
        "{target}",
    ),
    "a link that runs a script": (
        lambda d: d.update(links={"dashboard": "javascript:alert(1)"}),
        "links.dashboard",
        "https://",
    ),
    "an alert whose name would be shown otherwise": (
        lambda d: d.update(alerts=["Pool\nExhausted"]),
        "alerts[0]",
        "one printable line",
    ),
    "a link with an open brace": (
        lambda d: d.update(links={"dashboard": "http://grafana/{target"}),
        "links.dashboard",
        "brace",
    ),
}
