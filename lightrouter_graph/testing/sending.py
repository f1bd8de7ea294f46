"""Sends what a model says: at its pace, with its faults, and on the meter."""

import asyncio
from collections.abc import Iterator

from lightrouter_graph.testing.billing import Meter
from lightrouter_graph.testing.exchange import Exchange
from lightrouter_graph.testing.faults import HEALTHY, Fault
from lightrouter_graph.testing.openai_shapes import make_completion
from lightrouter_graph.testing.performance import Performance
from lightrouter_graph.testing.wire import (
    ConnectionCut,
    Part,
    end_early,
    make_halves,
    make_stream,
    rewrite_events,
)

_STREAM = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}


async def send_stream(
    exchange: Exchange, show: Performance, fault: Fault, meter: Meter, *, include_usage: bool
) -> None:
    """Send it token by token."""
    parts = make_stream(show, include_usage=include_usage)
    if fault is not HEALTHY:
        parts = fault.send(rewrite_events(parts, fault.rewrite))
    await exchange.start(200, _STREAM)
    await _send(exchange, parts, meter)


async def send_whole(exchange: Exchange, show: Performance, fault: Fault, meter: Meter) -> None:
    """Send it at once, when all of it is produced."""
    await _produce(show, meter)
    body = make_completion(show.call_id, show.model, show.message, show.finish_reason, show.usage)
    # The length is that of the whole, however early the connection is closed.
    parts = end_early(fault.send(make_halves(fault.rewrite(body))))
    length = sum(len(part.data) for part in parts)
    await exchange.start(200, {"content-type": "application/json", "content-length": str(length)})
    await _send(exchange, iter(parts), meter)


async def _send(exchange: Exchange, parts: Iterator[Part], meter: Meter) -> None:
    """Send what is due, when it is due. All is on the bill before the client can see that it has ended."""
    began = asyncio.get_running_loop().time()
    for part in parts:
        await _sleep_until(began + part.due_s)
        if part.pause_s:
            await asyncio.sleep(part.pause_s)
        if part.halt in ("close", "reset"):
            raise ConnectionCut(reset=part.halt == "reset")
        ends = part.last or part.halt == "end"
        if ends:
            meter.settle()
        if part.data or ends:
            await exchange.write(part.data, last=ends)
        meter.tokens += part.tokens
        if ends:
            return


async def _produce(show: Performance, meter: Meter) -> None:
    """Take the time that the tokens take; when cancelled, meter those that were out by then."""
    loop, total = asyncio.get_running_loop(), len(show.deltas)
    began = loop.time()
    try:
        if show.duration_s:
            await asyncio.sleep(show.duration_s)
    except asyncio.CancelledError:
        meter.tokens = show.timing.produced(loop.time() - began, total)
        raise
    meter.tokens = total


async def _sleep_until(when: float) -> None:
    # A sleep of 0 lets the event loop notice that the client has gone.
    await asyncio.sleep(max(0.0, when - asyncio.get_running_loop().time()))
