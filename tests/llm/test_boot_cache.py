"""Boot cache: keys, billing of hits, and caches that fail or hang."""

import asyncio
import threading

import pytest
from helpers import QUESTION, calls, decision, long, scripted
from langgraph.cache.memory import InMemoryCache

from lightrouter_graph import BootCache, Candidate, Context, Pool, create_lightrouter
from lightrouter_graph.testing import RecordedModelServer

SETTINGS = Context(boot_tokens=5, top_k=1, agree=None, aggregator="top_ranked")
ASKED = {"messages": [("user", QUESTION)]}


async def ask(pool, cache, context=SETTINGS, asked=ASKED):
    graph = create_lightrouter(pool, boot_cache=cache, context=context).compile()
    return (await graph.ainvoke(asked))["messages"][-1]


async def test_a_cached_boot_is_not_billed_again():
    cache, again = InMemoryCache(), scripted(a=long("1"), b=long("2"))
    first = decision(await ask(scripted(a=long("1"), b=long("2")), cache))["bill"]
    second = decision(await ask(again, cache))["bill"]
    assert calls(again) == {"a": 1, "b": 0}
    assert [(bill["calls"], bill["cached"]) for bill in (first, second)] == [(3, 0), (1, 2)]
    assert second["one_model"]["usage"] == first["one_model"]["usage"]


@pytest.mark.parametrize(
    "change",
    [{"context": SETTINGS.model_copy(update={"boot_tokens": 6})}, {"asked": {"messages": [("user", "And pears?")]}}],
)
async def test_another_cap_or_conversation_is_a_cache_miss(change):
    cache, again = InMemoryCache(), scripted(a=long("1"), b=long("2"))
    await ask(scripted(a=long("1"), b=long("2")), cache)
    await ask(again, cache, **change)
    assert calls(again) == {"a": 2, "b": 1}


async def test_the_same_model_at_two_addresses_has_two_entries():
    cache = InMemoryCache()
    for text in (long("1"), long("2")):
        with RecordedModelServer(responders={"m": lambda _, text=text: text}) as server:
            pool = Pool([Candidate(name, f"vllm:m@{server.base_url}") for name in "ab"])
            assert (await ask(pool, cache)).text == text


class Stuck(InMemoryCache):
    def __init__(self):
        super().__init__()
        self.freed = threading.Event()

    def get(self, keys):
        self.freed.wait(30)
        return {}


async def test_a_cache_that_hangs_is_skipped_after_its_timeout():
    cache, pool = Stuck(), scripted(a=long("1"), b=long("2"))
    try:
        async with asyncio.timeout(10):
            assert (await ask(pool, cache)).text == long("1")
    finally:
        cache.freed.set()


class Broken(InMemoryCache):
    def get(self, keys):
        raise OSError("gone")

    def set(self, pairs):
        raise OSError("gone")


async def test_a_cache_that_fails_is_skipped():
    pool = scripted(a=long("1"), b=long("2"))
    assert (await ask(pool, Broken())).text == long("1")


@pytest.mark.parametrize("ttl", [0, 1.5, "1"])
def test_a_ttl_that_is_no_whole_number_of_seconds_is_an_error(ttl):
    with pytest.raises(ValueError, match="ttl_s"):
        BootCache(InMemoryCache(), ttl_s=ttl)
