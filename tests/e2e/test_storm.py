"""The storm in small, as `python -m bench.storm` runs it, and that it would tell of a loss."""

import argparse
from collections import Counter
from dataclasses import replace
from pathlib import Path

from bench.storm.__main__ import Result, storm
from bench.storm.counting import count_lost
from bench.storm.deliveries import Alert, draw
from bench.storm.webhook import serve

TARGETS = ["target-1", "target-2", "target-3"]


async def test_no_alert_is_lost_and_one_that_was_would_be_told(tmp_path: Path) -> None:
    arguments = argparse.Namespace(at_once=500, in_a_row=50, seed=7)
    async with serve(tmp_path, TARGETS) as webhook:
        result: Result = await storm(webhook, TARGETS, arguments)
        assert result.is_passed, result
        assert (result.at_once.taken, result.in_a_row.taken) == (500, 50)
        assert result.at_once.answers["503"] > 0
        for part in ("at_once", "in_a_row"):
            assert not replace(result, **{part: replace(getattr(result, part), unanswered=1)}).is_passed
        never_sent = Alert("target-1", 10_000, is_firing=True)
        assert await count_lost(webhook.client, {never_sent}) == 1


def test_alerts_come_again_and_are_resolved_and_the_same_seed_draws_the_same() -> None:
    alerts = list(draw(1000, TARGETS, seed=1))
    assert alerts == list(draw(1000, TARGETS, seed=1))
    assert alerts != list(draw(1000, TARGETS, seed=2))
    again = sum(number - 1 for number in Counter(alerts).values())
    assert 100 < again < 400
    assert 100 < sum(not alert.is_firing for alert in alerts) < 400
