"""One of several questions asked side by side: its failure is its own."""

from collections.abc import Awaitable

from workflows.errors import PoolmedicError


async def attempt[T](question: Awaitable[T]) -> T | PoolmedicError:
    """The answer, or our own error as a value; any other exception is a bug and is raised."""
    try:
        return await question
    except PoolmedicError as failure:
        return failure
