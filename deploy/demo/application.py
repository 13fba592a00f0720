"""The drilled application as its users and operators see it: its pages, and the fault's switch."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus

import httpx
from pydantic import BaseModel, Field

from deploy.local.errors import StackError
from deploy.local.state import State
from deploy.local.target import DRILL_TOKEN, Target

SECONDS_TO_ANSWER = 5.0


class FaultRefused(StackError):
    """The application did not take the fault; the message holds its answer."""


class Pool(BaseModel, frozen=True):
    """One instance's own word on its pool."""

    size: int
    checked_out: int
    waiting: int
    generation: int
    timeouts: int = Field(alias="timeouts_total")
    started_at: str

    @property
    def utilization(self) -> float:
        return self.checked_out / self.size if self.size else 1.0


class Application:
    """One instance. Its own pages answer within five seconds or raise httpx.HTTPError."""

    def __init__(self, target: Target, client: httpx.AsyncClient) -> None:
        self.target = target
        self._client = client

    @property
    def name(self) -> str:
        return self.target.application.instance

    async def pool(self) -> Pool:
        answer = await self._client.get("/pool")
        return Pool.model_validate_json(answer.raise_for_status().content)

    async def health(self) -> str:
        """The health page's own word."""
        answer = await self._client.get("/health")
        return str(answer.raise_for_status().json()["status"])

    async def answers(self) -> bool:
        """Whether a query through the pool is answered."""
        return (await self._client.get("/probe")).status_code == HTTPStatus.OK

    async def leak(self, sessions: int, *, transaction: bool = True, writes: bool = False) -> None:
        """Have it forget so many connections; they are on their way when this returns."""
        how = {"rate": 40, "transaction": transaction, "writes": writes}
        await self._break("leak", {"sessions": sessions, **how})

    async def slow_partner(self, seconds: float) -> None:
        """Have every order wait so long for another service."""
        await self._break("hold", {"seconds": seconds})

    async def quick_partner(self) -> None:
        """Have that service answer at once again."""
        (await self._client.delete("/fault/hold")).raise_for_status()

    async def asking(self) -> int:
        """Requests that wait for the other service now."""
        answer = await self._client.get("/fault/hold")
        return int(answer.raise_for_status().json()["asking"])

    async def _break(self, fault: str, how: Mapping[str, float]) -> None:
        answer = await self._client.post(f"/fault/{fault}", json=how)
        if answer.status_code != HTTPStatus.ACCEPTED:
            raise FaultRefused(f"{self.name} answered {answer.status_code}: {answer.text}")

    async def lock(self) -> None:
        """Have a transfer leave half-way, with its order locked."""
        answer = await self._client.post("/fault/lock", json={"order": 1})
        if answer.status_code != HTTPStatus.ACCEPTED:
            raise FaultRefused(f"{self.name} answered {answer.status_code}: {answer.text}")

    async def forgotten(self) -> list[int]:
        """Server processes of the connections that are forgotten now, with or without a lock."""
        answers = [await self._client.get(f"/fault/{bug}") for bug in ("leak", "lock")]
        return [
            session["backend_pid"]
            for answer in answers
            for session in answer.raise_for_status().json()["sessions"]
        ]


@contextlib.asynccontextmanager
async def reach(state: State, target: Target) -> AsyncIterator[Application]:
    """The instance with the drill's token, for the block."""
    headers = {"X-Drill-Token": state.secret(DRILL_TOKEN)}
    async with httpx.AsyncClient(
        base_url=target.url, headers=headers, timeout=SECONDS_TO_ANSWER, trust_env=False
    ) as client:
        yield Application(target, client)
