"""LangGraph's RedisCache on a real Redis: the properties and limits that a boot cache depends on."""

import asyncio
import gc
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
import redis
import redis.asyncio
from helpers import QUESTION, calls, decision, long, scripted
from langgraph.cache.redis import RedisCache
from redis.backoff import NoBackoff
from redis.retry import Retry

from lightrouter_graph import Context, create_lightrouter

pytestmark = [
    pytest.mark.redis,
    pytest.mark.filterwarnings(
        "ignore:Call to deprecated setex:DeprecationWarning"
    ),  # LangGraph's call, redis 8's word
]

KEY = (("lightrouter", "boot"), "3f2a")
BOOT = {"layer": 1, "candidate": "a", "text": "Four plus", "usd": None, "usage": {"output_tokens": 5}}


@pytest.fixture
def client(redis_uri: str) -> Iterator[redis.Redis]:
    """Connect with a short timeout and without retries, as a worker does."""
    with redis.Redis.from_url(redis_uri, socket_timeout=0.5, retry=Retry(NoBackoff(), 0)) as connected:
        yield connected


@pytest.fixture
def cache(client: redis.Redis) -> RedisCache:
    return RedisCache(client)


def test_a_record_is_equal_in_another_process(cache, redis_uri):
    cache.set({KEY: (BOOT, None)})
    with redis.Redis.from_url(redis_uri) as another:
        assert RedisCache(another).get([KEY, (KEY[0], "missing")]) == {KEY: BOOT}


async def test_a_record_is_equal_asynchronously(cache):
    await cache.aset({KEY: (BOOT, 60)})
    assert await cache.aget([KEY]) == {KEY: BOOT}
    await cache.aclear()
    assert await cache.aget([KEY]) == {}


def test_a_record_has_a_readable_name_and_expires(cache, client):
    cache.set({KEY: (BOOT, 60)})
    assert client.keys() == [b"langgraph:cache:lightrouter:boot:3f2a"]
    assert client.ttl(client.keys()[0]) == 60
    client.pexpire(client.keys()[0], 0)
    assert cache.get([KEY]) == {}


@pytest.mark.parametrize("ttl", [0, 0.5])
def test_a_fractional_time_to_live_stores_nothing_without_an_error(cache, ttl):
    cache.set({KEY: (BOOT, ttl)})
    assert cache.get([KEY]) == {}


def test_caches_with_different_prefixes_are_independent(cache, client):
    ours = RedisCache(client, prefix="ours:")
    ours.set({KEY: (BOOT, None)})
    client.set("foreign", "thing")
    cache.set({KEY: ({}, None)})
    cache.clear()
    assert ours.get([KEY]) == {KEY: BOOT}
    assert client.exists("foreign")


def test_clearing_a_namespace_clears_what_is_below_it(cache):
    below, beside = (("lightrouter", "boot", "v2"), "1"), (("lightrouter", "boots"), "1")
    cache.set({KEY: (1, None), below: (2, None), beside: (3, None)})
    cache.clear([("lightrouter", "boot")])
    assert cache.get([KEY, below, beside]) == {beside: 3}


def test_a_namespace_is_a_pattern_when_it_is_cleared(cache):
    cache.set({(("a?",), "1"): (1, None), (("ab",), "1"): (2, None)})
    cache.clear([("a?",)])
    assert cache.get([(("ab",), "1")]) == {}


def test_a_colon_in_a_name_makes_two_keys_one(cache):
    cache.set({(("vllm:qwen",), "1"): (BOOT, None)})
    assert cache.get([(("vllm", "qwen"), "1")]) == {(("vllm", "qwen"), "1"): BOOT}


def test_tuples_come_back_as_lists_and_objects_are_refused(cache):
    cache.set({KEY: ((1, 2), None)})
    assert cache.get([KEY]) == {KEY: [1, 2]}
    with pytest.raises(TypeError, match="not msgpack serializable"):
        cache.set({KEY: (object(), None)})


def test_a_damaged_record_is_a_miss_or_a_wrong_value(cache, client):
    name = "langgraph:cache:lightrouter:boot:3f2a"
    client.set(name, b"no encoding")
    assert cache.get([KEY]) == {}
    client.set(name, b"msgpack:\xff")
    assert cache.get([KEY]) == {KEY: -1}


def test_a_client_that_decodes_responses_never_hits(redis_uri):
    with redis.Redis.from_url(redis_uri, decode_responses=True) as decoding:
        cache = RedisCache(decoding)
        cache.set({KEY: (BOOT, None)})
        assert cache.get([KEY]) == {}


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_an_asynchronous_client_stores_nothing_and_fails_on_reading(redis_uri, client):
    async with redis.asyncio.Redis.from_url(redis_uri) as asynchronous:
        cache = RedisCache(asynchronous)
        await cache.aset({KEY: (BOOT, None)})
        assert client.keys() == []
        with pytest.raises(TypeError, match="coroutine"):
            await cache.aget([KEY])
    gc.collect()


async def test_the_asynchronous_methods_block_the_event_loop_except_in_a_thread(cache, client):
    client.execute_command("CLIENT", "PAUSE", 300, "ALL")
    blocked = await longest_pause_of_the_loop_during(cache.aget([KEY]))
    client.execute_command("CLIENT", "PAUSE", 300, "ALL")
    free = await longest_pause_of_the_loop_during(asyncio.to_thread(cache.get, [KEY]))
    assert blocked > 0.25 > free


async def longest_pause_of_the_loop_during(work) -> float:
    async def tick() -> None:
        while True:
            ticks.append(time.perf_counter())
            await asyncio.sleep(0.001)

    ticks: list[float] = []
    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    await work
    await asyncio.sleep(0.002)
    ticking.cancel()
    return max(later - earlier for earlier, later in pairwise(ticks))


def test_without_a_redis_every_read_is_a_miss(tmp_path):
    nowhere = redis.Redis(unix_socket_path=str(tmp_path / "nobody"), retry=Retry(NoBackoff(), 0))
    cache = RedisCache(nowhere)
    cache.set({KEY: (BOOT, None)})
    assert cache.get([KEY]) == {}
    cache.clear()


ASKED = {"messages": [("user", QUESTION)]}
SETTINGS = Context(boot_tokens=5, top_k=1, agree=None, aggregator="top_ranked")


def router(pool, redis_uri):
    """Build a router with its own Redis client, as another process does."""
    return create_lightrouter(pool, boot_cache=RedisCache(redis.Redis.from_url(redis_uri)), context=SETTINGS).compile()


async def test_boots_of_one_worker_are_reused_by_another(redis_uri):
    first, second = (scripted(a=long("1"), b=long("2")) for _ in range(2))
    paid = await router(first, redis_uri).ainvoke(ASKED)
    free = await router(second, redis_uri).ainvoke(ASKED)
    assert calls(first) == {"a": 2, "b": 1}
    assert calls(second) == {"a": 1, "b": 0}
    assert free["messages"][-1].text == paid["messages"][-1].text
    bills = [decision(result["messages"][-1])["bill"] for result in (paid, free)]
    assert [bill["calls"] for bill in bills] == [3, 1]


def test_a_synchronous_graph_uses_the_same_boots(redis_uri):
    first, second = (scripted(a=long("1"), b=long("2")) for _ in range(2))
    router(first, redis_uri).invoke(ASKED)
    router(second, redis_uri).invoke(ASKED)
    assert calls(second) == {"a": 1, "b": 0}


async def test_another_question_is_another_boot(redis_uri):
    first, second = (scripted(a=long("1"), b=long("2")) for _ in range(2))
    await router(first, redis_uri).ainvoke(ASKED)
    await router(second, redis_uri).ainvoke({"messages": [("user", "And how many pears?")]})
    assert calls(second) == {"a": 2, "b": 1}


async def test_a_failed_boot_is_not_cached(redis_uri):
    first, second = scripted(a=long("1"), b=ConnectionError("down")), scripted(a=long("1"), b=long("2"))
    await router(first, redis_uri).ainvoke(ASKED)
    await router(second, redis_uri).ainvoke(ASKED)
    assert calls(second) == {"a": 1, "b": 1}


@pytest.mark.parametrize("damage", [b"no encoding", b"msgpack:\xff", b"msgpack:\x80"])
async def test_damaged_entries_are_replaced(redis_uri, client, damage):
    first, second = (scripted(a=long("1"), b=long("2")) for _ in range(2))
    await router(first, redis_uri).ainvoke(ASKED)
    for name in client.keys():  # noqa: SIM118
        client.set(name, damage)
    await router(second, redis_uri).ainvoke(ASKED)
    assert calls(second) == {"a": 2, "b": 1}


async def test_without_a_redis_boots_are_generated(tmp_path):
    pool = scripted(a=long("1"), b=long("2"))
    nowhere = redis.Redis(unix_socket_path=str(tmp_path / "nobody"), retry=Retry(NoBackoff(), 0))
    graph = create_lightrouter(pool, boot_cache=RedisCache(nowhere), context=SETTINGS).compile()
    result = await graph.ainvoke(ASKED)
    assert result["messages"][-1].text == long("1")
    assert calls(pool) == {"a": 2, "b": 1}
