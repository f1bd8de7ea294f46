"""`open`: begins a run: resolves the settings, scores the candidates, selects the first wave within the budget."""

import logging
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.runtime import get_runtime
from langgraph.types import Overwrite

from lightrouter_graph.budget.remaining import remaining_budget, run_deadline
from lightrouter_graph.budget.spent import add_spent, reserved_spent, total_spent
from lightrouter_graph.budget.thread_account import ThreadAccount, account_of
from lightrouter_graph.context import Context
from lightrouter_graph.errors import QueryError
from lightrouter_graph.llm.client import record_calls
from lightrouter_graph.llm.tool_calls import pairing_error
from lightrouter_graph.nodes.router import Router
from lightrouter_graph.planning.planner import progress_of, remaining_of
from lightrouter_graph.pool import Pool
from lightrouter_graph.priors import OrderPrior, in_prior_order, score_candidates
from lightrouter_graph.query import Query
from lightrouter_graph.records import NOTHING_SPENT, Spent
from lightrouter_graph.runtime.event_loops import now
from lightrouter_graph.runtime.node_runnable import NodeRun, Update
from lightrouter_graph.runtime.run_scope import THREAD_KEY
from lightrouter_graph.runtime.token_stream import run_hidden
from lightrouter_graph.state import APPENDED, State
from lightrouter_graph.state_queries import LayerView
from lightrouter_graph.telemetry.bill import cost_of
from lightrouter_graph.telemetry.events import emit_event

logger = logging.getLogger(__name__)

_SAME_THREAD = (
    "another run of this thread was in progress: the answer of the one that ends first is not kept in the thread"
)


@dataclass(frozen=True, slots=True)
class OpenNode:
    """Begin a run."""

    router: Router

    async def __call__(self, state: State, run: NodeRun) -> Update:
        """Return a state without traces of an earlier query on the thread, except for its cost.

        Raises:
            QueryError: If there is no question.
            ContextError: If the settings name an unknown selector or aggregator.
            BudgetError: If no answer fits into the budget; no call has been sent but those of the prior.
        """
        _check_messages(state)
        router = self.router
        spent, account = _spent_before(state), self._account(run)
        spent = add_spent(spent, reserved_spent([account.missing(_recorded_runs(state))]))
        settings = router.context.overlaid(get_runtime(Context).context)
        deadline_s = run_deadline(settings.deadline_s, settings.budget, settings.thread_budget, spent)
        settings = settings.model_copy(update={"deadline_s": deadline_s})
        settings.check_names(list(router.selectors), list(router.aggregators))
        update = _begin(settings, router.pool, spent)
        notes = [_SAME_THREAD] if account.in_flight and _keeps_one_answer(run) else []
        account.join(update["run"], remaining_budget(None, settings.thread_budget, NOTHING_SPENT, spent).allowance)
        run.scope.at_end(partial(account.leave, update["run"]))
        view = LayerView(cast("State", {**state, **update}))
        with record_calls() as call_costs:
            scores = await self._score(view, router.part_query(view, run, "select"))
        order = in_prior_order(scores, router.pool)
        update |= {"prior_scores": scores, "prior_order": order, "call_costs": call_costs}
        view = LayerView(cast("State", {**state, **update}))
        query = router.query(view, run)
        plan = router.planner.plan_layer(query, remaining_of(view), progress_of(view, query))
        update |= plan.layer_update(settings.record())
        update["notes"] = [*notes, *update["notes"]]
        if notes:
            logger.warning("%s", _SAME_THREAD)
        if len(plan.candidates) == 1:  # it has nothing to be compared with: only the last layer has work to do
            update["layer"] = update["settings"]["layers"]
        _emit(update)
        return {**update, **{key: Overwrite(update[key]) for key in APPENDED}}

    def _account(self, run: NodeRun) -> ThreadAccount:
        thread = run.configured(THREAD_KEY) or run.configured("thread_id")
        return ThreadAccount() if thread is None else account_of((id(self.router.pool), str(thread)))

    async def _score(self, view: LayerView, query: Query) -> dict[str, float]:
        try:
            async with view.time_limit() as limit:
                return await run_hidden(score_candidates(self.router.prior, query))
        except TimeoutError:
            if not limit.expired():
                raise
            logger.warning("the prior exceeded the deadline, the order of the pool replaces it")
            return await score_candidates(OrderPrior(), query)


def _check_messages(state: State) -> None:
    if not state.get("messages"):
        msg = "there is no question: `messages` is empty; pass {'messages': [('user', '...')]}"
        raise QueryError(msg)
    last = state["messages"][-1]
    if isinstance(last, HumanMessage) and not last.content:
        msg = "there is no question: the last message is empty"
        raise QueryError(msg)
    if problem := pairing_error(state["messages"]):
        raise QueryError(problem)


def _spent_before(state: State) -> Spent:
    """Return the cost of earlier runs of the thread.

    A run that died counts with its recorded calls and with the worst case of those in flight. In a node of a parent's
    graph the state is not kept: the bills of earlier answers in `messages` are added up instead.
    """
    if "thread_spent" not in state:
        return _billed(state["messages"])
    spent = add_spent(state["thread_spent"], total_spent(state["call_costs"], state.get("seconds")))
    return spent if state.get("seconds") is not None else add_spent(spent, state["reserved"])


def _billed(messages: Sequence[AnyMessage]) -> Spent:
    cost = cost_of(messages)
    tokens = cost["usage"]["input_tokens"] + cost["usage"]["output_tokens"]
    return {"usd": cost["usd_known"], "tokens": tokens, "calls": cost["calls"], "seconds": cost["seconds"]}


def _keeps_one_answer(run: NodeRun) -> bool:
    """Return False for nodes of a parent graph and for calls of a chat model: the thread keeps all of their answers."""
    return run.configured("thread_id") is not None and "|" not in str(run.configured("checkpoint_ns"))


def _recorded_runs(state: State) -> list[str]:
    """Return the runs whose cost is in the state, or in the bills of its messages."""
    records = [message.response_metadata.get("lightrouter") or {} for message in state["messages"]]
    return [state["run"]] if "thread_spent" in state else [str(record.get("run")) for record in records]


def _begin(settings: Context, pool: Pool, spent: Spent) -> dict[str, Any]:
    return {
        **{key: [] for key in APPENDED},
        "settings": settings.record(),
        "run": str(uuid.uuid4()),
        "seed": secrets.randbits(32) if settings.seed is None else settings.seed,
        "started_at": now(),
        "deadline_exceeded": False,
        "budget_exhausted": False,
        "thread_spent": spent,
        "reserved": NOTHING_SPENT,
        "allowances": {},
        "next_candidates": [],
        "seconds": None,
        "prior_order": list(pool.names),
        "prior_scores": {},
        "opinions": dict(pool.opinions),
        "first_wave": [],
        "layer": 1,
        "agreement": None,
    }


def _emit(update: Update) -> None:
    emit_event(
        {
            "type": "lightrouter",
            "event": "opened",
            "run": update["run"],
            "prior_order": update["prior_order"],
            "first_wave": update["first_wave"],
            "layers": update["settings"]["layers"],
            "notes": update["notes"],
        }
    )
