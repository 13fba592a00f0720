"""The lines that the Temporal UI shows of activities and timers: whoever wrote one, it stays text."""

import json

from tests.fakes import cases, changes
from tests.unit.markup import structure
from tests.workflow.stage import Stage
from workflows.markdown import MOST_CAPTION_BYTES

EVIL = "[over](http://evil.example) **done** <b> `x` " + "\N{FOX FACE}" * 300


async def test_a_silence_s_comment_makes_no_link_and_no_long_line(stage: Stage) -> None:
    stage.world.leak(10, stage.world.after(minutes=-2))
    stage.world.happens(changes.silence(EVIL))
    incident = await stage.incident(cases.policy())
    await incident.step(minutes=1)
    events = (await incident.history()).events
    captions = [
        json.loads(event.user_metadata.summary.data) for event in events if event.HasField("user_metadata")
    ]
    of_page, of_timer = (
        [line for line in captions if line.startswith(begin) and "evil.example" in line]
        for begin in ("L2: ", "not done, look again: ")
    )
    assert of_page
    assert of_timer
    for line in (*of_page, *of_timer):
        assert structure(line) == structure("word")
        assert len(line.encode()) <= MOST_CAPTION_BYTES
