"""Records, states and queries with everything filled in that a test does not care about."""

from typing import Any

from helpers import QUESTION, scripted
from langchain_core.messages import HumanMessage

from lightrouter_graph import Context, Pool, default_key
from lightrouter_graph.query import Query
from lightrouter_graph.records import NO_USAGE, NOTHING_SPENT, Answer, Boot, CallCost, Failure, Ranking, Usage
from lightrouter_graph.state import State

FAILED: Failure = {"cause": "unavailable", "message": "InternalServerError: down"}
CANCELLED: Failure = {"cause": "cancelled", "message": "2 other answers agree"}


def usage(input_tokens: int = 10, output_tokens: int = 5, **others: Any) -> Usage:
    return {**NO_USAGE, "input_tokens": input_tokens, "output_tokens": output_tokens, **others}


def boot(candidate: str = "a", text: str = "Four plus", **others: Any) -> Boot:
    plain: Boot = {
        "layer": 1,
        "candidate": candidate,
        "text": text,
        "finish_reason": "length",
        "finished": False,
        "key": None,
        "tool_call_message": None,
        "reasoning": "",
        "stop_reason": "",
        "uninformative_reason": "",
        "usage": usage(),
        "usd": None,
        "seconds": 0.0,
        "failure": None,
        "metadata": {},
    }
    return {**plain, **others}


def finished(candidate: str, key: str | None, **others: Any) -> Boot:
    """Build a boot that is its candidate's whole answer."""
    return boot(candidate, f"It is {key}.", **{"finished": True, "finish_reason": "stop", "key": key, **others})


def answer(candidate: str = "a", key: str | None = "4", **others: Any) -> Answer:
    plain: Answer = {
        "layer": 1,
        "candidate": candidate,
        "text": f"It is {key}, says {candidate}.",
        "finish_reason": "stop",
        "key": key,
        "tool_call_message": None,
        "via": "regeneration",
        "usage": usage(),
        "usd": None,
        "seconds": 0.0,
        "failure": None,
        "message_id": None,
        "metadata": {},
    }
    return {**plain, **others}


def lost(candidate: str, failure: Failure = FAILED) -> Answer:
    """Build the answer of a candidate that failed."""
    return answer(candidate, None, text="", failure=failure)


def ranking(*order: str, layer: int = 1) -> Ranking:
    return {
        "layer": layer,
        "selector": "consistency",
        "order": list(order),
        "scores": dict.fromkeys(order, 0.5),
        "reasons": {},
        "notes": {},
    }


def call_cost(stage: str = "boot", candidate: str = "a", usd: float | None = 0.0, **tokens: Any) -> CallCost:
    spent: Any = {"layer": 1, "candidate": candidate, "stage": stage, "usage": usage(**tokens), "usd": usd}
    rest = {"outcome": "completed", "cap": None, "output_price": None, "max_tokens_used": None, "max_usd": None}
    return {**spent, "seconds": 0.0, **rest}


def state(names: str = "abc", settings: Context | None = None, **others: Any) -> State:
    """Build the state of a run over one-letter candidates, all of which boot unless `first_wave` says otherwise."""
    plain: State = {
        "messages": [HumanMessage(QUESTION)],
        "settings": (settings or Context()).record(),
        "run": "run-1",
        "seed": 7,
        "started_at": 0.0,
        "deadline_exceeded": False,
        "budget_exhausted": False,
        "thread_spent": NOTHING_SPENT,
        "reserved": NOTHING_SPENT,
        "allowances": {},
        "next_candidates": [],
        "notes": [],
        "seconds": None,
        "prior_order": list(names),
        "prior_scores": dict.fromkeys(names, 1.0),
        "first_wave": list(names),
        "layer": 1,
        "boots": [],
        "rankings": [],
        "answers": [],
        "drafts": [],
        "call_costs": [],
        "agreement": None,
    }
    return {**plain, **others}


def query(pool: Pool | None = None, question: str = QUESTION, **others: Any) -> Query:
    """Build a query over a pool, by default of a, b and c, whose candidates are believed in equally."""
    pool = pool or scripted(a="4", b="4", c="5")
    plain: dict[str, Any] = {
        "messages": [HumanMessage(question)],
        "pool": pool,
        "prior_scores": dict.fromkeys(pool.names, 1.0),
        "prior_order": pool.names,
        "key": default_key,
        "settings": Context(),
        "seed": 7,
        "layer": 1,
        "final": True,
        "seconds": 60.0,
    }
    return Query(**{**plain, **others})
