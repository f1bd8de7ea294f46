"""One endpoint per provider and key; a bounded number of unused endpoints is kept."""

import asyncio
import gc
import os
import threading
import weakref

import pytest
from langchain_openai import ChatOpenAI

from lightrouter_graph.rate_limits.registry import _MAX_UNUSED, EndpointRegistry, endpoints
from lightrouter_graph.testing import ScriptedChatModel


def openai(key="sk-one-two-three", model="m"):
    return ChatOpenAI(model=model, api_key=key, base_url="http://127.0.0.1:9/v1")


@pytest.fixture
def own():
    return EndpointRegistry()


def test_models_with_one_key_share_an_endpoint(own):
    assert own.of(openai()) is own.of(openai(model="another"))
    assert own.of(openai()) is not own.of(openai(key="sk-four-five-six"))


def test_a_model_without_key_has_its_own_endpoint(own):
    one, other = ScriptedChatModel(responses="4"), ScriptedChatModel(responses="4")
    assert own.of(one) is own.of(one)
    assert own.of(one) is not own.of(other)


def test_the_smallest_limit_of_any_candidate_holds(own):
    assert own.of(openai(), limit=5).limit == 5
    assert own.of(openai(model="another"), limit=2).limit == 2
    assert own.of(openai(), limit=7).limit == 2


def test_models_are_referenced_weakly(own):
    model = openai()
    own.of(model)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    assert own._of_models == {}


def test_an_endpoint_without_key_is_deleted_with_its_model(own):
    model = ScriptedChatModel(responses="4")
    gone = weakref.ref(own.of(model))
    del model
    gc.collect()
    assert gone() is None


async def test_the_breaker_of_an_endpoint_outlives_its_models(own):
    for _ in range(5):
        async with own.of(openai()).permit("m", acquire_timeout_s=1) as permit:
            permit.record("auth")
    gc.collect()
    with pytest.raises(Exception, match="5 times in a row"):
        await own.of(openai()).permit("m", acquire_timeout_s=1).__aenter__()


def test_the_number_of_unused_endpoints_is_bounded(own):
    used = openai()
    endpoint = own.of(used)
    # A plain model with a key: 1,000 HTTP clients would take seconds.
    for number in range(_MAX_UNUSED + 50):
        own.of(Keyed(number))
    gc.collect()
    assert len(own._recent) == _MAX_UNUSED
    assert len(own._by_key) == _MAX_UNUSED + 1
    assert own.of(openai()) is endpoint


class Keyed(ScriptedChatModel):
    """A model with a URL."""

    base_url: str = ""

    def __init__(self, number):
        super().__init__(responses="4", base_url=f"http://host-{number}")


def test_event_loops_share_an_endpoint(own):
    model, inside, most = openai(), 0, 0
    count = threading.Lock()

    async def one():
        nonlocal inside, most
        async with own.of(model, limit=3).permit("m", acquire_timeout_s=30) as permit:
            with count:
                inside += 1
                most = max(most, inside)
            await asyncio.sleep(0)
            with count:
                inside -= 1
            permit.record(None)

    async def many():
        await asyncio.gather(*(one() for _ in range(200)))

    threads = [threading.Thread(target=lambda: asyncio.run(many())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most <= 3
    assert own.of(model).taken == 0


def test_all_threads_get_the_same_endpoint(own):
    models, found, start = [Keyed(1) for _ in range(8)], [], threading.Barrier(8)

    def find(model):
        start.wait(10)
        found.append(own.of(model))

    threads = [threading.Thread(target=find, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len({id(endpoint) for endpoint in found}) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_process_does_not_wait_for_requests_of_its_parent():
    model = Keyed("fork")

    def seen_by_a_child():
        child = os.fork()
        if child == 0:
            try:
                os._exit(endpoints.of(model).taken)
            finally:
                os._exit(99)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    async def held():
        async with endpoints.of(model, limit=1).permit("m", acquire_timeout_s=1):
            return endpoints.of(model).taken, seen_by_a_child()

    assert asyncio.run(held()) == (1, 0)
