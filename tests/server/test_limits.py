"""Budgets of requests: a client may lower the operator's budget, never raise it."""

import httpx
import pytest
from helpers import QUESTION, calls, long, scripted
from hypothesis import given
from hypothesis import strategies as st
from server.apps import PATH, error, events, model

from lightrouter_graph import Budget, ChatLightRouter, Context, ContextError, Pool
from lightrouter_graph.server import create_app
from lightrouter_graph.server.limits import tighter, within_limits
from lightrouter_graph.server.requests import ChatRequest

ASKED = [{"role": "user", "content": QUESTION}]
OWN = Budget(usd=0.01, calls=4)
LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "usd": st.none() | st.floats(1e-6, 1e6),
        "tokens": st.none() | st.integers(1, 10**9),
        "calls": st.none() | st.integers(1, 10**3),
        "seconds": st.none() | st.floats(1e-3, 1e6),
    },
)


def limited(chat, **arguments):
    """Return the arguments of a request after the budgets are applied."""
    request = ChatRequest("a", [], arguments, stream=False, include_usage=False, show_decision=False)
    return within_limits(chat, request).arguments


def three() -> Pool:
    return scripted(price=(1.0, 4.0), ada=long("1"), bob=long("2"), cyd=long("3"))


async def ask(pool: Pool, own: Budget | None, settings: object, **fields) -> httpx.Response:
    transport = httpx.ASGITransport(create_app(pool, context=Context(budget=own)))
    body = {"model": "lightrouter", "messages": ASKED, "lightrouter": settings, **fields}
    return await httpx.AsyncClient(transport=transport, base_url="http://app").post(PATH, json=body)


@given(own=LIMITS, asked=LIMITS)
def test_the_smaller_limit_applies(own, asked):
    held = tighter(Budget(**own), asked)
    for name in Budget.model_fields:
        limits = [budget[name] for budget in (own, asked) if budget.get(name) is not None]
        assert getattr(held, name) == min(limits, default=None)


@pytest.mark.parametrize("field", ["budget", "thread_budget"])
def test_a_request_cannot_remove_a_budget(field):
    chat = ChatLightRouter(pool=three(), context=Context(**{field: OWN}))
    for asked in (None, {}, {"usd": None}, {"usd": 9, "calls": 99}):
        assert limited(chat, context={field: asked})["context"][field] == OWN


def test_an_invalid_budget_is_rejected():
    chat = ChatLightRouter(pool=three(), context=Context(budget=OWN))
    with pytest.raises(ContextError, match="budget = 5"):
        limited(chat, context={"budget": 5})
    with pytest.raises(ContextError, match="unknown limit 'euro'"):
        limited(chat, context={"budget": {"euro": 1}})


def test_other_arguments_and_models_are_unchanged():
    chat = ChatLightRouter(pool=three(), context=Context(budget=OWN))
    for arguments in ({}, {"context": {"top_k": 1}}, {"stop": ["x"], "context": {"thread_budget": {"usd": 1}}}):
        assert limited(chat, **arguments) == arguments
    arguments = {"context": {"budget": {"usd": 1}}}
    assert limited(model("4"), **arguments) == arguments
    assert limited(ChatLightRouter(pool=three()), **arguments) == arguments


@pytest.mark.parametrize("name", ["lightrouter", "lightrouter-paper", "bob"])
@pytest.mark.parametrize("asked", [{"calls": 99, "tokens": 10**6}, {"calls": None}, None, {}])
async def test_the_operators_budget_applies_to_every_model_name(name, asked):
    pool = three()
    answer = await ask(pool, Budget(calls=1), {"decision": True, "budget": asked}, model=name)
    assert answer.json()["lightrouter"]["settings"]["budget"]["calls"] == 1
    assert sum(calls(pool).values()) == 1


async def test_a_lower_budget_is_recorded():
    pool = three()
    settings = {"decision": True, "budget": {"calls": 1, "usd": 5}, "max_tokens": 100}
    record = (await ask(pool, OWN, settings)).json()["lightrouter"]
    assert record["settings"]["budget"] == {"usd": 0.01, "calls": 1, "tokens": None, "seconds": None}
    assert record["budget"][0] == "budget: ada alone answers"
    assert (record["deadline_exceeded"], record["complete"]) == (False, True)
    assert sum(calls(pool).values()) == 1


async def test_a_request_may_set_a_budget_if_the_operator_has_none():
    pool = three()
    await ask(pool, None, {"budget": {"calls": 1}})
    assert sum(calls(pool).values()) == 1


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_budget_too_small_for_any_answer_is_refused_before_anything_is_sent(streaming):
    pool = three()
    answer = await ask(pool, OWN, {"budget": {"usd": 1e-7}}, stream=streaming)
    told = error(answer, 429)
    assert (told["code"], told["type"]) == ("insufficient_quota", "insufficient_quota")
    assert told["param"] == "lightrouter.budget"
    assert "the budget is too small for any answer" in told["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert sum(calls(pool).values()) == 0


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"usd": -1}, "lightrouter.budget.usd"),
        ({"calls": 1.5}, "lightrouter.budget.calls"),
        ({"euro": 1}, "lightrouter.budget.euro"),
        ("much", "lightrouter.budget"),
        ([], "lightrouter.budget"),
    ],
)
async def test_an_invalid_budget_names_the_field(asked, param):
    for own in (OWN, None):
        assert error(await ask(three(), own, {"budget": asked}), 400)["param"] == param


async def test_the_end_of_a_stream_carries_the_notes():
    *_, last = events(await ask(three(), Budget(calls=1), {"decision": True}, stream=True))
    assert last["lightrouter"]["budget"][0] == "budget: ada alone answers"
