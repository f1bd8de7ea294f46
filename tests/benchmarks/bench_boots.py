"""CPU of the client for one wave of eight boots: plain POSTs (what `boot` does) against streams.

python tests/benchmarks/bench_boots.py
"""

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

from langchain_openai import ChatOpenAI

from lightrouter_graph.testing import RecordedModelServer

QUESTION = "Tell me a long tale."
MODELS = [f"m{i}" for i in range(8)]
TOKENS, ROUNDS = 200, 7


def serve(pipe: Connection) -> None:
    """Play eight models in a process of their own, so that only the client's CPU is counted."""
    text = "and then " * 400
    record = {"question": QUESTION, "outputs": {model: {"text": text} for model in MODELS}}
    with RecordedModelServer([record]) as server:
        pipe.send(server.base_url)
        pipe.recv()


async def posted(model: ChatOpenAI) -> None:
    await model.ainvoke(QUESTION, max_tokens=TOKENS)


async def streamed(model: ChatOpenAI) -> None:
    async for _ in model.astream(QUESTION, max_tokens=TOKENS):
        pass


async def cpu_of(way: Callable[[ChatOpenAI], Awaitable[None]], models: list[ChatOpenAI]) -> float:
    """CPU seconds of one wave."""
    began = time.process_time()
    await asyncio.gather(*(way(model) for model in models))
    return time.process_time() - began


async def measure(url: str) -> list[tuple[float, float]]:
    """Measure both ways in turn, so that a busy machine slows both."""
    models = [ChatOpenAI(model=name, base_url=url, api_key="none", stream_usage=True) for name in MODELS]
    await cpu_of(posted, models)
    await cpu_of(streamed, models)
    return [(await cpu_of(posted, models), await cpu_of(streamed, models)) for _ in range(ROUNDS)]


def main() -> None:
    """Print the ratio."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    process.start()
    pairs = asyncio.run(measure(ours.recv()))
    ours.send("stop")
    process.join()
    ratio = statistics.median(stream / post for post, stream in pairs)
    post, stream = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    print(
        f"8 boots of {TOKENS} tokens: POST {post:.0f} ms CPU, streamed {stream:.0f} ms CPU: {ratio:.1f} times as much"
    )


if __name__ == "__main__":
    main()
