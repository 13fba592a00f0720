"""What Temporal knows of a drill's incident: the report as of now, its input, its history."""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHistory,
    WorkflowQueryFailedError,
)
from temporalio.service import RPCError, RPCStatusCode

from workflows.models.report import Report, Summary

QUICK = timedelta(seconds=3)


async def describe(client: Client, workflow_id: str, since: datetime) -> WorkflowExecutionDescription | None:
    """The latest run of this id that began after ``since``, or None."""
    try:
        found = await client.get_workflow_handle(workflow_id).describe(rpc_timeout=QUICK)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return found if found.start_time > since else None


def is_running(run: WorkflowExecutionDescription | None) -> bool:
    return run is not None and run.status is WorkflowExecutionStatus.RUNNING


class Incident:
    """The incident that a drill brings about: none until it began, then one run for good."""

    def __init__(self, client: Client, workflow_id: str, since: datetime) -> None:
        self._client = client
        self.workflow_id = workflow_id
        self._since = since
        self.run: WorkflowExecutionDescription | None = None
        self.report: Report | None = None

    @property
    def is_over(self) -> bool:
        return self.run is not None and not is_running(self.run)

    async def look(self) -> Report | None:
        """The report as of now; while no worker answers, the last one that was read."""
        self.run = await describe(self._client, self.workflow_id, self._since) or self.run
        if self.run is None:
            return None
        handle = self._client.get_workflow_handle(self.workflow_id, run_id=self.run.run_id)
        try:
            self.report = await handle.query("state", result_type=Report, rpc_timeout=QUICK)
        except (RPCError, WorkflowQueryFailedError):
            return self.report
        return self.report

    async def stored(self) -> str | None:
        """Where the report is; None as long as the run goes on, or if it did not complete."""
        if self.run is None or self.run.status is not WorkflowExecutionStatus.COMPLETED:
            return None
        handle = self._client.get_workflow_handle(
            self.workflow_id, run_id=self.run.run_id, result_type=Summary
        )
        summary: Summary = await handle.result()
        return summary.report

    async def history(self) -> WorkflowHistory:
        """Everything that happened in the run. Call it once there is one."""
        if self.run is None:
            raise RuntimeError("there is no incident yet")
        handle = self._client.get_workflow_handle(self.workflow_id, run_id=self.run.run_id)
        return await handle.fetch_history()
