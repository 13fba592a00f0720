"""Lost capacity: fewer instances, or smaller pools, than the configuration says."""

from workflows.causes.dismissals import untold
from workflows.causes.symptoms import Symptoms
from workflows.models.diagnosis import Cause, Finding
from workflows.wording import counted, percent

_CERTAINTY_OF_SOME = 0.6


def find_lost_capacity(symptoms: Symptoms) -> Finding | str:
    """Instances that do not run and pools smaller than configured, or why nothing is lost."""
    if not (symptoms.containers or symptoms.pools):
        return untold("capacity is lost", "neither a container nor a pool could be read")
    stopped, smaller = _stopped(symptoms), _smaller(symptoms)
    if not stopped and not (smaller and symptoms.exhausted):
        return "No capacity is lost, as far as containers and pools could be read."
    configured = sum(instance.pool_size for instance in symptoms.target.instances)
    lost = sum(stopped.values()) + sum(smaller.values())
    share = min(lost / configured, 1.0)
    return Finding(
        cause=Cause.LOST_CAPACITY,
        confidence=_CERTAINTY_OF_SOME + (1 - _CERTAINTY_OF_SOME) * share,
        reasons=(
            *(_describe_stopped(symptoms, name) for name in stopped),
            *(
                f"{name}: the pool has {counted(_configured(symptoms, name) - less, 'connection')}, "
                f"configured are {_configured(symptoms, name)}."
                for name, less in smaller.items()
            ),
            f"{counted(lost, 'connection')} of {configured} configured are missing ({percent(share)}).",
        ),
        instances=(*stopped, *smaller),
    )


def _configured(symptoms: Symptoms, name: str) -> int:
    return symptoms.target.instance(name).pool_size


def _stopped(symptoms: Symptoms) -> dict[str, int]:
    return {
        name: _configured(symptoms, name)
        for name, container in symptoms.containers.items()
        if not container.running
    }


def _smaller(symptoms: Symptoms) -> dict[str, int]:
    stopped = _stopped(symptoms)
    less = {name: _configured(symptoms, name) - pool.size for name, pool in symptoms.pools.items()}
    return {name: by for name, by in less.items() if by > 0 and name not in stopped}


def _describe_stopped(symptoms: Symptoms, name: str) -> str:
    container = symptoms.containers[name]
    memory = ", ended for want of memory" if container.oom_killed else ""
    return (
        f"{name}: its container does not run ({container.status}, exit code {container.exit_code}{memory})."
    )
