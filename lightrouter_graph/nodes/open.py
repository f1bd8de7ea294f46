"""`open`: read the query, forget the last one, put the candidates in order, see what may be spent."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.runtime import get_runtime
from langgraph.types import Overwrite

from lightrouter_graph.answer_keys import AnswerKey
from lightrouter_graph.budget import PromptTokenBound, add_spent, run_deadline, total_spent
from lightrouter_graph.context import Context
from lightrouter_graph.errors import QueryError
from lightrouter_graph.limits import read_budget
from lightrouter_graph.llm.request import PLAIN, Request
from lightrouter_graph.llm.tool_calls import pairing_error
from lightrouter_graph.planning import FanOutPlan, LayerProgress, Planner, remaining_of
from lightrouter_graph.pool import Pool
from lightrouter_graph.priors import Prior
from lightrouter_graph.priors.base import in_prior_order
from lightrouter_graph.query import query_of
from lightrouter_graph.records import NOTHING_SPENT, Spent
from lightrouter_graph.runtime.event_loops import now
from lightrouter_graph.runtime.run_registry import RunRegistry
from lightrouter_graph.runtime.token_stream import run_hidden
from lightrouter_graph.state import State
from lightrouter_graph.telemetry.bill import Bill
from lightrouter_graph.telemetry.events import emit_event


@dataclass(frozen=True, slots=True)
class OpenNode:
    """Begin a run: settle the settings, score the candidates, choose who boots first, within the budget."""

    pool: Pool
    key: AnswerKey
    prior: Prior
    runs: RunRegistry
    planner: Planner
    context: Context
    request: Request = PLAIN

    async def __call__(self, state: State) -> dict[str, Any]:
        """Return a state in which nothing is left of an earlier query on the thread but what it has spent.

        Raises:
            QueryError: If there is nothing to answer.
            BudgetError: If no answer is sure to stay within the budget; nothing has been spent.
        """
        _check_messages(state)
        before = _spent_before(state)
        settings = _with_deadline(self.context.overlaid(get_runtime(Context).context), before)
        scores = await run_hidden(self.prior.score(state["messages"], self.pool))
        weights = {name: float(score) for name, score in scores.items()}
        begun = _begun(settings, weights, in_prior_order(weights, self.pool), before)
        plan = self._plan(cast("State", {**state, **begun, "call_costs": []}))
        begun |= _planned(begun["settings"], plan)
        emit_event(
            {
                "type": "lightrouter",
                "event": "opened",
                "run": begun["run"],
                "order": list(plan.order),
                "booting": list(plan.candidates),
                "layers": begun["settings"]["layers"],
                "notes": list(plan.notes),
            }
        )
        return begun

    def _plan(self, state: State) -> FanOutPlan:
        query = query_of(state, self.pool, self.key, self.request, self.runs)
        progress = LayerProgress(PromptTokenBound(query.messages, self.request.extras))
        return self.planner.plan_layer(query, remaining_of(state), progress)


def _check_messages(state: State) -> None:
    if not state.get("messages"):
        msg = "there is nothing to answer: `messages` is empty"
        raise QueryError(msg)
    last = state["messages"][-1]
    if isinstance(last, HumanMessage) and not last.content:
        msg = "there is nothing to answer: the last message is empty"
        raise QueryError(msg)
    if problem := pairing_error(state["messages"]):
        raise QueryError(problem)


def _spent_before(state: State) -> Spent:
    """Return what the earlier runs of the thread spent.

    One that died on the way counts with what it had written down, and with all that the calls it died in may have
    taken. Where nothing is kept of them, as in a node of a parent's graph, the bills on their answers say it.
    """
    if "before" not in state:
        return _billed(state["messages"])
    spent = add_spent(state["before"], total_spent(state["call_costs"], state.get("seconds")))
    return spent if state.get("seconds") is not None else add_spent(spent, state["in_flight"])


def _billed(messages: Sequence[AnyMessage]) -> Spent:
    records = [message.response_metadata.get("lightrouter") or {} for message in messages]
    bills = {record["run"]: record["bill"] for record in records if "run" in record and "bill" in record}
    spent = NOTHING_SPENT
    for bill in cast("list[Bill]", list(bills.values())):
        counted: Spent = {
            "usd": bill["usd_known"],
            "tokens": bill["usage"]["input_tokens"] + bill["usage"]["output_tokens"],
            "calls": bill["calls"],
            "seconds": bill["seconds"],
            "unpriced": len(bill["unpriced"]),
        }
        spent = add_spent(spent, counted)
    return spent


def _with_deadline(settings: Context, before: Spent) -> Context:
    budget, thread_budget = read_budget(settings.budget), read_budget(settings.thread_budget)
    return settings.model_copy(update={"deadline_s": run_deadline(settings.deadline_s, budget, thread_budget, before)})


def _begun(settings: Context, weights: dict[str, float], order: list[str], before: Spent) -> dict[str, Any]:
    kept = ("boots", "rankings", "answers", "drafts", "call_costs", "notes")
    return {
        **{key: Overwrite([]) for key in kept},
        "settings": settings.record(),
        "run": str(uuid.uuid4()),
        "seed": secrets.randbits(32) if settings.seed is None else settings.seed,
        "started": now(),
        "late": False,
        "broke": False,
        "before": before,
        "in_flight": NOTHING_SPENT,
        "allowances": {},
        "up": None,
        "seconds": None,
        "order": order,
        "weights": weights,
        "booting": order[: settings.width],
        "layer": 1,
        "agreement": None,
    }


def _planned(settings: dict[str, Any], plan: FanOutPlan) -> dict[str, Any]:
    settings = {**settings, **plan.settings}
    return {
        "settings": settings,
        "order": list(plan.order),
        "booting": list(plan.candidates),
        "allowances": dict(plan.allowances),
        "in_flight": plan.reserved,
        "notes": Overwrite(list(plan.notes)),
        # With one candidate there is nothing to compare, so no layer but the last has work to do.
        "layer": 1 if len(plan.candidates) > 1 else settings["layers"],
    }
