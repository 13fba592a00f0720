"""The story on a terminal: what happened scrolls by, and below it a panel shows what is so now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, override

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from deploy.demo.narration import FREE, FULL, Narrator, Way, describe_now, refused
from deploy.demo.scene import Scene
from deploy.demo.times import Times
from worker.terminal import shown
from workflows.wording import percent

REDRAWS_A_SECOND = 6
WIDTH_OF_BAR = 40


class Terminal(Narrator):
    """For a person who watches: `with Terminal(...) as narrator: …`."""

    is_interactive = True

    def __init__(self, times: Times, console: Console) -> None:
        super().__init__(times)
        self.console = console
        self._live = Live(console=console, refresh_per_second=REDRAWS_A_SECOND, transient=True)
        self._live.update(Spinner("line", "bringing up the stack"))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    @override
    def say(self, text: str) -> None:
        self._print(datetime.now(UTC), text)

    @override
    def show(self, scene: Scene) -> None:
        for at, text in self.news.of(scene):
            self._print(at, text)
        self._live.update(self.draw(scene))

    @override
    def offer(self, ways: Sequence[Way]) -> None:
        self.console.print()
        self.console.print(
            shown("poolmedic asks. Approve in one of three ways, in another terminal:", "bold")
        )
        for way in ways:
            self.console.print(shown(f"  {way.name}", "bold"))
            self.console.print(shown(f"    {way.text}"), soft_wrap=True)
        self.console.print()

    def draw(self, scene: Scene) -> RenderableType:
        """The panel."""
        rows = Table.grid(padding=(0, 2))
        rows.add_row(shown("now", "bold"), shown(describe_now(scene, self.times), "bold cyan"))
        rows.add_row(shown("pool", "bold"), _draw_pool(scene))
        rows.add_row(shown("users", "bold"), _draw_users(scene))
        rows.add_row(shown("incident", "bold"), _draw_incident(scene))
        for what, where in self.places.items():
            rows.add_row(shown(what, "dim"), shown(where, "dim"))
        return Panel(rows, title="poolmedic", title_align="left", border_style="dim")

    def _print(self, at: datetime, text: str) -> None:
        self.console.print(Text.assemble((f"{at.astimezone():%H:%M:%S}  ", "dim"), shown(text)))


def _draw_pool(scene: Scene) -> RenderableType:
    pool = scene.pool
    if pool is None:
        return shown("the application does not answer", "red")
    style = "red" if pool.utilization > FULL else "yellow" if pool.utilization >= FREE else "green"
    bar = ProgressBar(
        total=max(pool.size, 1),
        completed=pool.checked_out,
        width=WIDTH_OF_BAR,
        complete_style=style,
        finished_style=style,
    )
    numbers = (
        f"{pool.checked_out} of {pool.size} in use ({percent(pool.utilization)}), {pool.waiting} waiting"
    )
    line = Table.grid(padding=(0, 2))
    line.add_row(bar, shown(numbers, style))
    return line


def _draw_users(scene: Scene) -> RenderableType:
    turned_away = refused(scene)
    p95 = f", 95 % within {scene.users.p95:.2f} s" if scene.users.p95 else ""
    text = shown(f"{scene.users.ok} served, {turned_away} refused in the last seconds{p95}")
    text.stylize("red" if turned_away else "green")
    return text


def _draw_incident(scene: Scene) -> RenderableType:
    report = scene.report
    if report is None:
        return shown("none", "dim")
    lines: list[RenderableType] = [shown(f"{report.outcome}, since {report.opened_at.astimezone():%H:%M:%S}")]
    if report.diagnoses:
        first = report.diagnoses[-1].first
        lines.append(shown(f"{first.cause} ({first.confidence:.0%}): {first.reasons[0]}"))
    if scene.pending:
        lines.append(shown(f"waits for approval {scene.pending.id}: {scene.pending.effect}", "yellow"))
    return Group(*lines)
