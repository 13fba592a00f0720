"""What was done and seen in one drill: for the judge, the summary and who tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from temporalio.client import WorkflowExecutionDescription, WorkflowHistory

from deploy.demo.decoys import Decoys
from deploy.demo.faults import Ground
from deploy.demo.scenario import Scenario
from deploy.demo.scene import Scene
from deploy.demo.sessions import SessionId
from deploy.demo.stage import Stage
from deploy.demo.times import seconds
from deploy.demo.witness import Start
from deploy.load.generator import Load
from workflows.models.alert import Alert
from workflows.models.base import Moment
from workflows.models.policy import Option
from workflows.models.report import Report

LONGEST_REVERT = 120.0
"""Seconds. A temporary size that lasts longer is not waited for: what reverts it outlives the drill."""


@dataclass
class Drill:
    """Filled in as the drill goes on; the users and the decoys live until its block ends."""

    scenario: Scenario
    stage: Stage
    decoys: Decoys
    ground: Ground
    containers: Mapping[str, Start]
    """Of every instance, as it ran before the fault."""
    fault_at: Moment
    culprits: tuple[SessionId, ...] = ()
    """The sessions that the fault left."""
    scenes: list[Scene] = field(default_factory=list)
    history: WorkflowHistory | None = None
    """Of the incident's run, when it had ended."""
    stored: str | None = None
    """Where the report is."""
    approved_at: dict[str, Moment] = field(default_factory=dict)
    """When the stand-in for a person sent its approval, per option."""
    change: WorkflowExecutionDescription | None = None
    """The workflow that reverts a temporary size."""

    @property
    def load(self) -> Load:
        """The users."""
        return self.ground.load

    @property
    def report(self) -> Report | None:
        """The incident's own word."""
        return self.scenes[-1].report if self.scenes else None

    @property
    def alert(self) -> Alert | None:
        """The alert that opened the incident, with the moment the webhook took it."""
        return self.report.case.alert if self.report and self.report.case else None

    def approval_of(self, option: Option) -> Moment | None:
        """When a person said yes to it; None where nobody did, or more than once.

        Where one thing alone is wrong, to nothing else either.
        """
        requests = self.report.requests if self.report else ()
        asked = {request.id for request in requests if request.option == option}
        decisions = self.report.decisions if self.report else ()
        given = [each for each in decisions if each.accepted and each.approve]
        here = [each.at for each in given if each.request in asked]
        is_only = len(here) == 1 and (len(given) == 1 or bool(self.scenario.then))
        return self.approved_at.get(option, here[0]) if is_only else None

    @property
    def reverts_in_time(self) -> bool:
        """Whether the temporary size ends while the drill still looks."""
        return self.scenario.resizes and seconds(self.stage.times.resize_for) <= LONGEST_REVERT
