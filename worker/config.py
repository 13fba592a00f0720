"""What the tool looks after and by which rules: the values of the configuration file."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from worker.secret import SecretName
from workflows.models.alert import Alert, Case
from workflows.models.base import Model
from workflows.models.neighbour import Neighbour
from workflows.models.policy import Policy
from workflows.models.target import Name, Target, Url
from workflows.models.text import ExactName

LEAK_AGE_ALONE = timedelta(minutes=5)
"""The runbook's own age (option 2)."""
DEFAULT = "default"
LINK_NAMES = frozenset({"target", "workflow_id", "namespace"})
ALERT_NAME = "DatabaseConnectionPoolExhausted"


class Source(Model):
    """A system that is only read."""

    url: Url
    token: SecretName | None = None
    """Name of the secret that is sent as bearer token."""


class Links(Model):
    """Addresses people are given; `{target}`, `{workflow_id}` and `{namespace}` are filled in, escaped."""

    temporal: str | None = None
    """An incident in the Temporal UI."""
    dashboard: str | None = None
    """The target's pools."""
    runbook: str | None = None
    """What whoever is paged does: docs/on-call.md, where people can open it."""


class TargetEntry(Target):
    """A target as the file names it, with the name of its policy."""

    policy: Name = DEFAULT

    def plain(self) -> Target:
        """The target alone, as incidents take it."""
        return Target.model_validate(self.model_dump(exclude={"policy"}))


class Configuration(Model):
    """The whole file."""

    prometheus: Source
    alertmanager: Source | None = None
    """Asked for silences; without it nobody can silence there, and nothing asks."""
    alerts: Annotated[tuple[ExactName, ...], Field(min_length=1)] = (ALERT_NAME,)
    """Names of the alerts that open an incident; the first one is the one looked for in Prometheus."""
    links: Links = Links()
    profiles: Annotated[str, Field(min_length=1)] | None = None
    """A folder of metric profiles of your own, as seen from this file; POOLMEDIC_PROFILES outweighs it."""
    routes: Annotated[dict[Name, Annotated[tuple[SecretName, ...], Field(min_length=1)]], Field(min_length=1)]
    """Ways to reach people: each a list of secrets' names, every secret an Apprise address."""
    policies: dict[Name, Policy] = Field(default_factory=lambda: {DEFAULT: Policy()})
    """Rules by name; what one does not say, it takes from `default`; `options` as a whole."""
    targets: Annotated[tuple[TargetEntry, ...], Field(min_length=1)]

    def target(self, name: str) -> TargetEntry | None:
        """The target of that name, if there is one."""
        return next((target for target in self.targets if target.name == name), None)

    def policy_of(self, target: TargetEntry) -> Policy:
        """The rules that hold for the target."""
        policy = self.policies[target.policy]
        if policy.thresholds.leak_age_alone is not None:
            return policy
        thresholds = policy.thresholds.model_copy(update={"leak_age_alone": LEAK_AGE_ALONE})
        return policy.model_copy(update={"thresholds": thresholds})

    def matching(self, labels: Mapping[str, str]) -> tuple[TargetEntry, ...]:
        """The targets whose matchers the labels satisfy: usually one, and all of them where several do."""
        return tuple(target for target in self.targets if target.matchers.items() <= labels.items())

    def case(self, target: TargetEntry, alert: Alert, links: Mapping[str, str]) -> Case:
        """The input of an incident: target and rules as they are now."""
        return Case(
            target=target.plain(),
            policy=self.policy_of(target),
            alert=alert,
            links=dict(links),
            neighbours=tuple(
                Neighbour(target=each.name, routes=each.routes)
                for each in self.targets
                if each.database.name == target.database.name and each.name != target.name
            ),
        )
