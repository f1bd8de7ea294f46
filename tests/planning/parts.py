"""Parts and queries whose worst case can be worked out by hand."""

from dataclasses import dataclass, replace
from typing import Any

from builders import query, state
from helpers import scripted
from langchain_core.messages import HumanMessage

from lightrouter_graph import Context
from lightrouter_graph.budget.remaining import RemainingBudget
from lightrouter_graph.budget.token_bounds import PromptTokenBound
from lightrouter_graph.planning.forecast import LayerProgress
from lightrouter_graph.planning.planner import Planner
from lightrouter_graph.query import PlannedCall
from lightrouter_graph.records import UNLIMITED

TALK = [HumanMessage("x" * 128)]
"""At most 400 tokens: 256 for the call, 16 for the message, one for each byte."""


@dataclass(frozen=True)
class Caller:
    """A part that plans `number` calls, each with all the texts after the conversation."""

    number: int = 1
    cap: int | None = None
    candidate: Any = None

    def planned(self, query, texts):
        asked = [*query.messages, HumanMessage("".join(texts))]
        return [PlannedCall(self.candidate, asked, self.cap or query.settings.max_tokens)] * self.number


@dataclass(frozen=True)
class Quiet:
    """A part that calls no model and plans no calls."""


def planner(judge=None, writer=None):
    """Build a planner with a selector or an aggregator that calls models, under the names llm and default."""
    judge, writer = judge or Quiet(), writer or Quiet()
    selectors = {"default": judge, "llm": judge, "consistency": Quiet(), "random": Quiet(), "hybrid": Quiet()}
    aggregators = {"default": writer, "llm": writer, "auto": writer, "vote": Quiet(), "top_ranked": Quiet()}
    return Planner(selectors, aggregators)


def asking(settings: Context, names="abc", price=(1.0, 10.0), **others):
    """Build a query over one-letter candidates of one price."""
    pool = others.pop("pool", None) or scripted(price=price, **dict.fromkeys(names, "4"))
    plain = {"messages": TALK, "settings": settings, "final": settings.layers == 1}
    return query(pool, **{**plain, **others})


def left(scope="run", **limits) -> RemainingBudget:
    return RemainingBudget({**UNLIMITED, **limits}, dict.fromkeys(limits, scope))


def begun(query, **others):
    """Build the progress at the beginning of a layer."""
    return LayerProgress(PromptTokenBound(query.messages, query.request.extras), **others)


def worst_case(plans, query, plan):
    """Return the worst-case cost of a planned layer and all that comes after it."""
    settings = query.settings.model_copy(update=plan.settings)
    final = query.layer >= settings.layers or len(plan.candidates) == 1
    planned = replace(query, settings=settings, prior_order=plan.order, final=final)
    return plans.forecast(planned, begun(planned, first_wave=plan.candidates)).layer()


def running(query, first_wave=None, **others):
    """Build the state of a run of that query."""
    names = "".join(query.prior_order)
    plain = {
        "messages": list(query.messages),
        "first_wave": list(first_wave or query.prior_order[: query.settings.width]),
    }
    return state(names, query.settings, **{**plain, **others})
