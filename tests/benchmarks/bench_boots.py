"""CPU of the client for one wave of eight boots: plain POSTs, streams, and what is chosen for candidates by default.

python tests/benchmarks/bench_boots.py
"""

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI

from lightrouter_graph import Candidate
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.client import complete
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


async def chosen(candidates: list[Candidate]) -> float:
    """CPU seconds of one wave of boots as the graph makes them."""
    call = Call(stage="boot", layer=1, timeout_s=60, max_tokens=TOKENS, keeps_partial=True)
    began = time.process_time()
    await asyncio.gather(*(complete(candidate, [HumanMessage(QUESTION)], call) for candidate in candidates))
    return time.process_time() - began


async def waves(url: str, price: tuple[float, float] | None) -> list[float]:
    """Return the CPU seconds of the first waves of eight new candidates, in milliseconds."""
    models = [ChatOpenAI(model=name, base_url=url, api_key="none") for name in MODELS]
    candidates = [Candidate(model.model_name, model, price=price) for model in models]
    return [round(await chosen(candidates) * 1000) for _ in range(4)]


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
    url = ours.recv()
    pairs = asyncio.run(measure(url))
    unpriced, priced = asyncio.run(waves(url, None)), asyncio.run(waves(url, (1.0, 2.0)))
    ours.send("stop")
    process.join()
    ratio = statistics.median(stream / post for post, stream in pairs)
    post, stream = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    print(
        f"8 boots of {TOKENS} tokens: POST {post:.0f} ms CPU, streamed {stream:.0f} ms CPU: {ratio:.1f} times as much"
    )
    print(f"by default, first waves: unpriced candidates {unpriced} ms CPU, priced candidates {priced} ms CPU")


if __name__ == "__main__":
    main()
