"""`call_part`: calls a selector, an aggregator or an equivalence of the user within the deadline of the run."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from langgraph.errors import GraphBubbleUp

from lightrouter_graph.errors import PROGRAMMING_ERRORS
from lightrouter_graph.redaction import redact
from lightrouter_graph.runtime.token_stream import run_hidden
from lightrouter_graph.state_queries import LayerView

MAX_PROBLEM = 300
"""Characters of a note on a failed part."""

T = TypeVar("T")


class PartError(Exception):
    """A service that a part calls has failed, or the part has exceeded the deadline; a built-in part replaces it."""


async def call_part(view: LayerView, work: Coroutine[Any, Any, T]) -> T:
    """Await a part, hidden from the user's stream. Programming errors and interrupts are raised unchanged.

    Args:
        view: The state with the settings; it has the deadline of the run.
        work: The call of a selector, an aggregator or another part.

    Raises:
        PartError: If it raised any other exception, or exceeded the deadline.
    """
    try:
        async with view.time_limit() as limit:
            return await run_hidden(work)
    except (GraphBubbleUp, *PROGRAMMING_ERRORS):
        raise
    except Exception as exc:  # a part that calls a service may raise anything
        late = isinstance(exc, TimeoutError) and limit.expired()
        raise PartError("it exceeded the deadline" if late else redact(f"{type(exc).__name__}: {exc}")) from exc
