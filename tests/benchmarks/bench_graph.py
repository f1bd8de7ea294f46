"""What the graph itself costs: one routed query over scripted models against the same calls with asyncio alone.

python tests/benchmarks/bench_graph.py
"""

import asyncio
import statistics
import time

from langchain_core.messages import HumanMessage

from lightrouter_graph import Candidate, Context, Pool, create_lightrouter
from lightrouter_graph.testing import ScriptedChatModel

ROUNDS = 30
TEXT = " ".join(f"word{i}" for i in range(60)) + ". The answer is {}."


def pool_of(size: int) -> Pool:
    return Pool([Candidate(f"m{i}", ScriptedChatModel(responses=TEXT.format(i % 4))) for i in range(size)])


async def routed(pool: Pool, context: Context) -> tuple[float, int]:
    """Seconds of one query and the calls it made."""
    graph = create_lightrouter(pool).compile()
    began = time.perf_counter()
    result = await graph.ainvoke({"messages": [HumanMessage("How many?")]}, context=context)
    spent = time.perf_counter() - began
    return spent, result["messages"][-1].response_metadata["lightrouter"]["bill"]["calls"]


async def bare(pool: Pool, calls: int) -> float:
    """Seconds of as many calls, all at once, without a graph."""
    models = [candidate.model for candidate in pool]
    began = time.perf_counter()
    await asyncio.gather(*(models[i % len(models)].ainvoke("How many?", max_tokens=40) for i in range(calls)))
    return time.perf_counter() - began


async def measure(size: int, context: Context) -> str:
    pool = pool_of(size)
    pairs = []
    for _ in range(ROUNDS):
        spent, calls = await routed(pool, context)
        pairs.append((spent, await bare(pool, calls)))
    whole, alone = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    return (
        f"{whole:6.1f} ms routed, {alone:5.1f} ms bare, {calls} calls: {ratio:.1f} times, {whole - alone:.1f} ms more"
    )


async def main() -> None:
    """Print a line for each pool size and setting."""
    fixed = Context(width=None, top_k=3, agree=None, boot_tokens=20, aggregator="vote")
    for size in (3, 8, 32):
        print(f"{size:3} candidates, default  : {await measure(size, Context(boot_tokens=20, aggregator='vote'))}")
        print(f"{size:3} candidates, fixed k=3: {await measure(size, fixed)}")


if __name__ == "__main__":
    asyncio.run(main())
