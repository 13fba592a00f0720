"""The drill's partner: another service that every order asks, between two statements of its transaction."""

import asyncio
import logging

from pydantic import BaseModel, ConfigDict, Field

logger = logging.getLogger("target.partner")


class Delay(BaseModel):
    """How long the partner takes for every answer from now on."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    seconds: float = Field(gt=0, le=30)


class Partner:
    """Answers at once, unless it is told to be slow. `asking` requests wait for it now."""

    def __init__(self) -> None:
        self.delay: Delay | None = None
        self.asking = 0
        self.answered_late = 0

    def switch_on(self, delay: Delay) -> None:
        self.delay = delay
        logger.warning("partner slow", extra={"event": "fault", **delay.model_dump()})

    def switch_off(self) -> None:
        """Answer at once again; who waits already waits on, as behind a service that has just recovered."""
        self.delay = None

    async def ask(self) -> None:
        """Wait for the partner's answer, with whatever the caller holds meanwhile."""
        if self.delay is None:
            return
        self.asking += 1
        try:
            await asyncio.sleep(self.delay.seconds)
            self.answered_late += 1
        finally:
            self.asking -= 1
