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


# other limits of the operator

STRICT = Context(
    top_k=3,
    width=2,
    layers=1,
    boot_tokens=50,
    max_tokens=100,
    deadline_s=20,
    calls={"timeout_s": 30, "boot_timeout_s": 10, "max_retries": 1},
)
HIGHER = {
    "top_k": 20,
    "width": None,
    "layers": 8,
    "boot_tokens": 4000,
    "max_tokens": None,
    "deadline_s": None,
    "calls": {"timeout_s": 1e6, "boot_timeout_s": 1e6, "max_retries": 99},
}


def settings_of(chat, asked, **arguments):
    """Return the settings of the run that a request gets."""
    held = limited(chat, context=asked, **arguments)
    return chat._read(None, held).context


def values_of(context):
    record = context.model_dump()
    return {name: record[name] for name in HIGHER if name != "calls"} | {
        name: record["calls"][name] for name in HIGHER["calls"]
    }


@pytest.mark.parametrize("name", ["lightrouter", "lightrouter-paper", "bob"])
@pytest.mark.parametrize(
    "asked",
    [
        HIGHER,
        dict.fromkeys(("width", "max_tokens", "deadline_s")),
        {"top_k": "20", "layers": "8", "deadline_s": "1e6", "boot_tokens": 4000.0, "calls": {"timeout_s": "9999"}},
        {"top_k": 20, "agree": 9},
        {"calls": None},
    ],
)
def test_no_limit_is_raised_or_removed(name, asked):
    chat = ChatLightRouter(pool=three(), context=STRICT, model=name)
    assert values_of(settings_of(chat, asked)) == values_of(STRICT)


@pytest.mark.filterwarnings("ignore:the setting:DeprecationWarning")
def test_an_old_name_raises_no_limit():
    chat = ChatLightRouter(pool=three(), context=STRICT)
    asked = {"timeout_s": 9999, "boot_timeout_s": 9999, "max_retries": 9, "calls": {"timeout_s": 99}}
    assert values_of(settings_of(chat, asked)) == values_of(STRICT)
    assert settings_of(chat, {"timeout_s": 5}).calls.timeout_s == 5


def test_every_limit_can_be_lowered():
    chat = ChatLightRouter(pool=three(), context=STRICT)
    lower = {"top_k": 2, "width": 1, "boot_tokens": 10, "max_tokens": 20, "deadline_s": 5}
    calls = {"timeout_s": 20, "boot_timeout_s": 5, "max_retries": 0}
    held = settings_of(chat, {**lower, "calls": calls})
    assert values_of(held) == {**lower, "layers": 1, **calls}


def test_a_limit_that_the_operator_did_not_set_is_free():
    chat = ChatLightRouter(pool=three(), context=Context(layers=2))
    held = settings_of(chat, {"top_k": 20, "deadline_s": 99, "layers": 8, "calls": {"timeout_s": 999}})
    assert (held.top_k, held.deadline_s, held.layers, held.calls.timeout_s) == (20, 99, 2, 999)


@pytest.mark.parametrize("asked", [1e-9, 0.001, 0.999])
def test_a_time_limit_has_a_floor(asked):
    chat = ChatLightRouter(pool=three())
    calls = settings_of(chat, {"calls": {"timeout_s": asked, "boot_timeout_s": asked}}).calls
    assert (calls.timeout_s, calls.boot_timeout_s) == (1.0, 1.0)


def test_the_floor_is_not_above_the_operators_limit():
    chat = ChatLightRouter(pool=three(), context=Context(calls={"timeout_s": 0.5}))
    assert settings_of(chat, {"calls": {"timeout_s": 0.1}}).calls.timeout_s == 0.5


def test_the_fields_of_openai_raise_no_limit():
    chat = ChatLightRouter(pool=three(), context=STRICT)
    assert settings_of(chat, None, max_tokens=10**6).max_tokens == 100
    assert settings_of(chat, {"max_tokens": 7}, max_tokens=9).max_tokens == 9


@pytest.mark.parametrize("field", ["calls", "prompts"])
@pytest.mark.parametrize("wrong", [5, "x", [1]])
async def test_a_group_that_is_no_object_is_refused(field, wrong):
    assert error(await ask(three(), OWN, {field: wrong}), 400)["param"] == f"lightrouter.{field}"


async def test_a_deadline_holds_over_http():
    transport = httpx.ASGITransport(create_app(three(), context=STRICT))
    asked = {"decision": True, "deadline_s": None, "top_k": 50}
    body = {"model": "lightrouter", "messages": ASKED, "lightrouter": asked}
    answer = await httpx.AsyncClient(transport=transport, base_url="http://app").post(PATH, json=body)
    settings = answer.json()["lightrouter"]["settings"]
    assert (settings["deadline_s"], settings["top_k"]) == (20, 3)


def test_a_service_tier_above_list_price_is_dropped_under_a_budget():
    chat = ChatLightRouter(pool=three(), context=Context(budget=OWN))
    body = {"service_tier": "priority", "user": "ann"}
    assert limited(chat, extra_body=body)["extra_body"] == {"user": "ann"}
    assert "extra_body" not in limited(chat, extra_body={"service_tier": "priority"})
    assert limited(chat, extra_body={"service_tier": "flex"})["extra_body"] == {"service_tier": "flex"}
    assert limited(ChatLightRouter(pool=three()), extra_body=body)["extra_body"] == body


def test_accounting_fields_reach_no_model_that_cannot_take_them():
    assert limited(model("4"), extra_body={"user": "ann"}) == {}
