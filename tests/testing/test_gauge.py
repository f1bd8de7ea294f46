"""Concurrency gauges of requests and connections, and how fast connections close."""

import asyncio
import time

import httpx
import pytest

from lightrouter_graph.testing import Bill, Gauge, Stall


async def until(ready):
    while not ready():  # noqa: ASYNC110  # the server lives in another thread
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("after", [None, 0, 3])
@pytest.mark.parametrize("stream", [False, True])
async def test_connections_of_cancelled_calls_close(played, talk, after, stream):
    played.failures["m"] = Stall(after)
    connections = played.connections.now

    async def ask():
        if stream:
            return [chunk async for chunk in talk().astream("2 + 2?")]
        return await talk().ainvoke("2 + 2?")

    tasks = [asyncio.create_task(ask()) for _ in range(4)]
    await until(lambda: len(played.requests) == 4)
    assert played.in_flight.now == played.in_flight.most == 4
    assert played.connections.now == connections + 4
    given_up_at = time.monotonic()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await asyncio.to_thread(played.wait_until_idle)
    await until(lambda: played.connections.now == connections)
    assert played.connections.closed_at - given_up_at < 0.1
    assert played.in_flight.closed_at - given_up_at < 0.1
    assert (played.in_flight.now, played.in_flight.most) == (0, 4)
    assert played.total().calls == played.total().cancelled == 4


def test_a_keep_alive_connection_is_open_without_a_request(played):
    connections = played.connections.now
    with httpx.Client(base_url=played.base_url, trust_env=False) as client:
        for _ in range(3):
            client.post("chat/completions", json={"model": "m", "messages": [{"role": "user", "content": "?"}]})
        played.wait_until_idle()
        assert played.connections.now == connections + 1
        assert (played.in_flight.now, played.in_flight.most) == (0, 1)
    assert played.total() == Bill(3, 15, 27)


def test_restart_resets_the_maximum_but_not_the_current_number():
    gauge = Gauge()
    gauge.open()
    with gauge.hold():
        pass
    assert gauge.closed_at is not None
    gauge.restart()
    assert (gauge.now, gauge.most, gauge.closed_at) == (1, 1, None)
    assert not gauge.wait_until_none(timeout_s=0.001)
    assert repr(gauge) == "<Gauge now=1, most=1>"
