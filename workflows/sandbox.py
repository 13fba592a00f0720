"""The one sandbox that worker, tests and replayer share: data passes through, decisions do not."""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions


def runner() -> SandboxedWorkflowRunner:
    """Only modules without behaviour pass through, so the guards stay on for every decision."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(
            "workflows.models", "workflows.ports"
        )
    )
