"""What was done before refuses: the budget of the hour, the cooldown, attempts per option."""

import pytest

from tests.unit.guards import RESTART, WAVE, check, no_right, tried
from tests.unit.scenes import evidence, policy
from workflows.models.evidence import Evidence
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import Proposal, Restart

NO_RESTARTS = [tried(RESTART, status=OutcomeStatus.NOTHING)] * 2


@pytest.mark.parametrize(
    ("attempts", "refusal"),
    [
        ([tried(ago=3599)] * 2, "2 acts in the last hour, as many as the policy allows"),
        ([tried(ago=3599), tried(ago=3600)], None),
        ([tried(status=OutcomeStatus.NOTHING)] * 2, None),
        ([tried(status=OutcomeStatus.UNKNOWN)] * 2, "2 acts in the last hour, as many as the policy allows"),
        (
            [tried(RESTART, status=OutcomeStatus.FAILED), tried(status=OutcomeStatus.PARTLY)],
            "2 acts in the last hour, as many as the policy allows",
        ),
    ],
)
def test_the_budget_of_the_hour(attempts: list[Attempt], refusal: str | None) -> None:
    assert check(attempts=tuple(attempts), policy=policy(limits={"acts_per_hour": 2})) == refusal


@pytest.mark.parametrize(
    ("attempts", "refusal"),
    [
        ([tried(ago=100)], "cooldown after the last act: 20 s left"),
        (
            [tried(ago=119), tried(ago=90, status=OutcomeStatus.NOTHING)],
            "cooldown after the last act: 1.0 s left",
        ),
        (
            [tried(ago=300), tried(ago=90, status=OutcomeStatus.UNKNOWN)],
            "cooldown after the last act: 30 s left",
        ),
        ([tried(ago=120)], None),
        ([tried(ago=10, status=OutcomeStatus.NOTHING)], None),
        ([], None),
    ],
)
def test_the_cooldown_between_acts(attempts: list[Attempt], refusal: str | None) -> None:
    assert check(attempts=tuple(attempts), policy=policy(limits={"cooldown": "2m"})) == refusal


@pytest.mark.parametrize(
    ("attempts", "refusal"),
    [
        ([tried(RESTART, ago=100)], "cooldown after the last restart: 3 min 20 s left"),
        ([tried(RESTART, ago=100), tried(ago=30)], "cooldown after the last restart: 3 min 20 s left"),
        ([tried(RESTART, ago=270), tried(ago=10)], "cooldown after the last act: 50 s left"),
        ([tried(ago=100)], None),
        ([tried(RESTART, ago=100, status=OutcomeStatus.NOTHING)], None),
        ([tried(RESTART, ago=300)], None),
    ],
)
def test_an_option_s_own_cooldown_holds_for_it_alone(attempts: list[Attempt], refusal: str | None) -> None:
    rules = policy(limits={"cooldown": "1m", "cooldowns": {"restart": "5m"}})
    assert check(RESTART, evidence=no_right(), attempts=tuple(attempts), policy=rules) == refusal


@pytest.mark.parametrize(
    ("proposal", "look", "attempts", "words"),
    [
        (WAVE, evidence(), [tried()] * 3, "it was tried 3 times, as often as the policy allows"),
        (WAVE, evidence(), [tried()] * 2, None),
        (WAVE, evidence(), [tried(RESTART)] * 3, None),
        (WAVE, evidence(), [tried(status=OutcomeStatus.FAILED)], "it failed at 02:59:00"),
        (WAVE, evidence(), [tried(status=OutcomeStatus.REFUSED)], "poolmedic refused it at 02:59:00"),
        (RESTART, no_right(), [tried(RESTART)] * 3, "it was tried 3 times, as often as the policy allows"),
        (RESTART, no_right(), [*NO_RESTARTS, *[tried(RESTART)] * 2], None),
        (
            RESTART,
            no_right(),
            [*NO_RESTARTS, tried(RESTART), NO_RESTARTS[0]],
            "it began 3 times with nothing left to do, as often as the policy allows",
        ),
    ],
)
def test_attempts_per_option(
    proposal: Proposal, look: Evidence, attempts: list[Attempt], words: str | None
) -> None:
    refusal = check(proposal, evidence=look, attempts=tuple(attempts))

    assert refusal == words or (words is not None and refusal is not None and words in refusal)


def test_restarts_are_counted_per_instance() -> None:
    assert isinstance(RESTART.act, Restart)
    other = RESTART.model_copy(update={"act": RESTART.act.model_copy(update={"instance": "web-2"})})

    assert check(RESTART, evidence=no_right(), attempts=(tried(other),) * 3) is None
