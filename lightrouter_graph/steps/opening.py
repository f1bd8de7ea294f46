"""`open`: read the query, forget the last one, put the candidates in order."""

import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.runtime import get_runtime
from langgraph.types import Overwrite

from lightrouter_graph.context import Context
from lightrouter_graph.errors import QueryError
from lightrouter_graph.event_loops import now
from lightrouter_graph.events import tell
from lightrouter_graph.pool import Pool
from lightrouter_graph.priors import Prior
from lightrouter_graph.priors.base import in_prior_order
from lightrouter_graph.state import State
from lightrouter_graph.tool_calls import unpaired_calls


@dataclass(frozen=True, slots=True)
class OpenStep:
    """Begin a run: settle the settings, score the candidates, choose who boots first."""

    pool: Pool
    prior: Prior
    context: Context

    async def __call__(self, state: State) -> dict[str, Any]:
        """Return a state in which nothing is left of an earlier query on the thread."""
        if not state.get("messages"):
            msg = "there is nothing to answer: `messages` is empty"
            raise QueryError(msg)
        last = state["messages"][-1]
        if isinstance(last, HumanMessage) and not last.content:
            msg = "there is nothing to answer: the last message is empty"
            raise QueryError(msg)
        if problem := unpaired_calls(state["messages"]):
            raise QueryError(problem)
        settings = self.context.overlaid(get_runtime(Context).context)
        scores = await self.prior.score(state["messages"], self.pool)
        weights = {name: float(score) for name, score in scores.items()}
        order = in_prior_order(weights, self.pool)
        begun = _begun(settings, weights, order)
        tell(
            {
                "type": "lightrouter",
                "event": "opened",
                "run": begun["run"],
                "order": order,
                "booting": begun["booting"],
                "layers": settings.layers,
            }
        )
        return begun


def _begun(settings: Context, weights: dict[str, float], order: list[str]) -> dict[str, Any]:
    booting = order[: settings.width]
    empty: dict[str, Any] = {key: Overwrite([]) for key in ("boots", "rankings", "answers", "drafts", "spendings")}
    return {
        **empty,
        "settings": settings.record(),
        "run": str(uuid.uuid4()),
        "seed": secrets.randbits(32) if settings.seed is None else settings.seed,
        "started": now(),
        "late": False,
        "order": order,
        "weights": weights,
        "booting": booting,
        # With one candidate there is nothing to compare, so no layer but the last has work to do.
        "layer": 1 if len(booting) > 1 else settings.layers,
        "agreement": None,
    }
