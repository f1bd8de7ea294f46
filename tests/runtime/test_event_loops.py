"""The same models under any event loop: several in a row, none at all, and the user's own client."""

import asyncio
import contextvars
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI

from lightrouter_graph import Candidate
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.client import complete
from lightrouter_graph.runtime.event_loops import bound_to_loop, run_sync
from lightrouter_graph.testing import RecordedModelServer, ScriptedChatModel

ASKED = [HumanMessage("2 + 2?")]
CALL = Call(stage="generate", layer=1, timeout_s=10)

who = contextvars.ContextVar("who", default="nobody")


async def whoami():
    return who.get()


async def loop_and_thread():
    return asyncio.get_running_loop(), threading.current_thread()


async def fail():
    raise ValueError("boom")


def openai(base_url="http://127.0.0.1:1/v1", **settings):
    return ChatOpenAI(**{"model": "m", "base_url": base_url, "api_key": "none", "max_retries": 0, **settings})


@pytest.fixture
def server():
    with RecordedModelServer(responders={"m": lambda _: "four"}) as running:
        yield running


# steps without a loop --------------------------------------------------------------------------------------


def test_the_callers_context_variables_reach_a_step():
    token = who.set("alice")
    assert run_sync(whoami) == "alice"
    who.reset(token)
    assert run_sync(whoami) == "nobody"


def test_callers_in_parallel_threads_keep_their_contexts_apart():
    def ask(name):
        who.set(name)
        return run_sync(whoami)

    names = [str(number) for number in range(20)]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda name: contextvars.copy_context().run(ask, name), names)) == names


def test_all_steps_share_one_loop_in_a_thread_of_its_own():
    (loop, thread), (again, _) = run_sync(loop_and_thread), run_sync(loop_and_thread)
    assert loop is again
    assert thread is not threading.current_thread()


def test_what_a_step_raises_reaches_the_caller():
    with pytest.raises(ValueError, match="boom"):
        run_sync(fail)


# clients that belong to a loop -----------------------------------------------------------------------------


def test_one_model_serves_two_event_loops_in_a_row(server):
    candidate = Candidate("a", openai(server.base_url))
    first = asyncio.run(complete(candidate, ASKED, CALL))
    second = asyncio.run(complete(candidate, ASKED, CALL))
    assert (first.failure, second.failure) == (None, None)
    assert (first.text, second.text) == ("four", "four")


def test_async_and_sync_runs_can_take_turns(server):
    candidate = Candidate("a", openai(server.base_url))
    texts = [
        asyncio.run(complete(candidate, ASKED, CALL)).text,
        run_sync(complete, candidate, ASKED, CALL).text,
        asyncio.run(complete(candidate, ASKED, CALL)).text,
    ]
    assert texts == ["four"] * 3


async def test_models_of_one_loop_share_one_http_client_and_keep_their_own_settings():
    one, other = openai(), openai("http://127.0.0.1:2/v1")
    bound = [bound_to_loop(one), bound_to_loop(other)]
    assert bound[0].root_async_client._client is bound[1].root_async_client._client
    assert [str(model.root_async_client.base_url) for model in bound] == [
        "http://127.0.0.1:1/v1/",
        "http://127.0.0.1:2/v1/",
    ]


async def test_binding_leaves_the_users_model_as_it_was():
    model = openai()
    before = model.root_async_client
    assert bound_to_loop(model) is not model
    assert model.root_async_client is before


def test_the_client_is_closed_with_its_loop():
    async def client():
        return bound_to_loop(openai()).root_async_client._client

    assert asyncio.run(client()).is_closed


async def test_a_client_the_user_brought_is_kept_but_tries_nothing_again_by_itself():
    async with httpx.AsyncClient() as own:
        model = bound_to_loop(openai(http_async_client=own, max_retries=5))
        assert model.root_async_client._client is own
        assert model.root_async_client.max_retries == 0


async def test_other_models_are_left_alone():
    model = ScriptedChatModel(responses="four")
    assert bound_to_loop(model) is model


def test_an_interrupt_in_the_waiting_thread_stops_the_work_in_the_loop():
    stopped = threading.Event()

    async def endless():
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_sync(endless)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert stopped.wait(5)
