"""Histories for the replay tests: `python -m pytest tests/workflow --record-histories`.

Only missing ones are written. Once a version is released its histories stay as they are: a change that breaks
their replay breaks incidents that are open during the upgrade, and needs `workflow.patched`.
"""

import json
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

from tests.workflow.stage import Stage

OPTION = "--record-histories"
FOLDER = Path(__file__).parent / "histories"

RECORDED = {
    "test_a_leak_is_healed_by_ending_exactly_the_leaked_sessions": "leak",
    "test_an_undersized_pool_grows_by_approval_and_shrinks_after_its_time": "undersized",
    "test_observing_says_what_would_be_done_and_touches_nothing": "observe",
    "test_every_clock_calls_once_at_its_time": "clocks",
    "test_a_refusal_goes_to_people_and_is_not_asked_again[signal]": "refused",
    "test_an_expiry_is_no_refusal_and_pages": "expired",
    "test_a_pool_that_gets_free_meanwhile_withdraws_the_request": "withdrawn",
    "test_junk_is_told_and_harms_nothing[approve]": "junk",
    "test_an_option_without_effect_goes_on_to_the_next": "restart",
    "test_all_options_used_up_calls_level_two_and_stays_open": "used-up",
    "test_a_lost_answer_is_unknown_and_looked_at_not_repeated": "unknown",
    "test_nothing_is_touched_without_the_sources_an_act_rests_on[database]": "blind",
    "test_the_window_broken_at_its_very_end_is_no_recovery": "broken-window",
    "test_a_recurrence_in_the_watch_comes_into_the_same_run": "recurrence",
    "test_once_the_readings_are_back_it_recovers": "inconclusive",
    "test_a_person_extends_it": "extended",
    "test_the_root_is_ended_once_a_person_has_said_so": "lock",
    "test_the_waiting_change_is_cancelled_once_a_person_has_said_so": "ddl",
    "test_the_timeout_is_set_once_a_person_has_said_so": "session-timeout",
    "test_the_database_team_is_called_once_for_a_slow_database": "neighbours",
    "test_a_slow_query_is_cancelled_and_no_session_is_ended": "slow",
    "test_what_does_not_heed_is_ended_after_its_cancel": "slow-stubborn",
    "test_an_index_is_created_once_a_person_has_said_so_and_its_gain_is_told": "index",
    "test_an_idle_leak_is_healed_by_a_restart_and_no_session_is_ended": "idle-leak",
    "test_the_owner_is_told_what_holds_and_the_end_of_it_is_recovery": "hold",
    "test_they_are_told_with_their_pids_and_left_alone": "survivors",
}
"""The tests whose runs are kept, and under which name."""


async def record(stage: Stage, test: str) -> None:
    """Write what the stage's runs left, if this test is one of those and its files are missing."""
    if test not in RECORDED:
        return
    for kind, history in (await stage.histories()).items():
        path = FOLDER / f"{RECORDED[test]}.{kind}.json"
        if not path.exists():
            path.write_text(render(history))


def render(history: WorkflowHistory) -> str:
    """The history as JSON, without stack traces: they name files of the machine that recorded."""
    content = json.loads(history.to_json())
    _drop(content, "stackTrace")
    return json.dumps({"workflowId": history.workflow_id, **content}, separators=(",", ":")) + "\n"


def _drop(content: Any, key: str) -> None:
    if isinstance(content, dict):
        content.pop(key, None)
        content = list(content.values())
    if isinstance(content, list):
        for part in content:
            _drop(part, key)
