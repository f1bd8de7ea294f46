"""Budgets behind the server: a client may take away from the operator's, and never add to it."""

import httpx
import pytest
from helpers import QUESTION, calls, long, scripted
from hypothesis import given
from hypothesis import strategies as st
from server.desk import PATH, error, events, model

from lightrouter_graph import Budget, ChatLightRouter, Context, ContextError, Pool
from lightrouter_graph.server import create_app
from lightrouter_graph.server.budgets import held_to, tighter

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


def three() -> Pool:
    return scripted(price=(1.0, 4.0), ada=long("1"), bob=long("2"), cyd=long("3"))


async def ask(pool: Pool, own: Budget | None, settings: object, **fields) -> httpx.Response:
    transport = httpx.ASGITransport(create_app(pool, context=Context(budget=own)))
    body = {"model": "lightrouter", "messages": ASKED, "lightrouter": settings, **fields}
    return await httpx.AsyncClient(transport=transport, base_url="http://desk").post(PATH, json=body)


@given(own=LIMITS, asked=LIMITS)
def test_of_each_limit_the_smaller_one_holds(own, asked):
    held = tighter(Budget(**own), asked)
    for name in Budget.model_fields:
        limits = [budget[name] for budget in (own, asked) if budget.get(name) is not None]
        assert getattr(held, name) == min(limits, default=None)


@pytest.mark.parametrize("field", ["budget", "thread_budget"])
def test_nobody_takes_a_budget_away(field):
    chat = ChatLightRouter(pool=three(), context=Context(**{field: OWN}))
    for asked in (None, {}, {"usd": None}, {"usd": 9, "calls": 99}):
        assert held_to(chat, {"context": {field: asked}})["context"][field] == OWN


def test_what_is_no_budget_is_left_for_the_settings_to_refuse():
    chat = ChatLightRouter(pool=three(), context=Context(budget=OWN))
    assert held_to(chat, {"context": {"budget": 5}})["context"]["budget"] == 5
    with pytest.raises(ContextError, match="unknown limit 'euro'"):
        held_to(chat, {"context": {"budget": {"euro": 1}}})


def test_other_arguments_and_other_models_are_left_alone():
    chat = ChatLightRouter(pool=three(), context=Context(budget=OWN))
    for arguments in ({}, {"context": {"top_k": 1}}, {"stop": ["x"], "context": {"thread_budget": {"usd": 1}}}):
        assert held_to(chat, arguments) is arguments
    arguments = {"context": {"budget": {"usd": 1}}}
    assert held_to(model("4"), arguments) is arguments
    assert held_to(ChatLightRouter(pool=three()), arguments) is arguments


@pytest.mark.parametrize("name", ["lightrouter", "lightrouter-paper", "bob"])
@pytest.mark.parametrize("asked", [{"calls": 99, "tokens": 10**6}, {"calls": None}, None, {}])
async def test_under_every_name_the_operators_budget_holds(name, asked):
    pool = three()
    answer = await ask(pool, Budget(calls=1), {"decision": True, "budget": asked}, model=name)
    assert answer.json()["lightrouter"]["settings"]["budget"]["calls"] == 1
    assert sum(calls(pool).values()) == 1


async def test_a_client_tightens_and_the_record_says_what_was_done():
    pool = three()
    settings = {"decision": True, "budget": {"calls": 1, "usd": 5}, "max_tokens": 100}
    record = (await ask(pool, OWN, settings)).json()["lightrouter"]
    assert record["settings"]["budget"] == {"usd": 0.01, "calls": 1, "tokens": None, "seconds": None}
    assert record["budget"][0] == "budget: ada alone answers"
    assert (record["deadline_exceeded"], record["complete"]) == (False, True)
    assert sum(calls(pool).values()) == 1


async def test_a_client_may_bring_a_budget_where_there_is_none():
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
async def test_a_budget_that_is_none_is_refused_whether_or_not_there_is_one_of_the_operators(asked, param):
    for own in (OWN, None):
        assert error(await ask(three(), own, {"budget": asked}), 400)["param"] == param


async def test_the_end_of_a_stream_carries_the_notes():
    *_, last = events(await ask(three(), Budget(calls=1), {"decision": True}, stream=True))
    assert last["lightrouter"]["budget"][0] == "budget: ada alone answers"
