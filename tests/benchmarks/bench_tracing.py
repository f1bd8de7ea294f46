"""What the tracing hooks cost when nothing is traced, and what a traced query costs against an untraced one.

python tests/benchmarks/bench_tracing.py
"""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from lightrouter_graph import Candidate, Context, Pool, create_lightrouter
from lightrouter_graph.telemetry.tracing import ended_when_cancelled, trace_decision, trace_ranking
from lightrouter_graph.testing import ScriptedChatModel

sys.path.insert(0, str(Path(__file__).parent.parent))
from langsmith_ingest import LangSmithIngest

ASKED = {"messages": [("user", "How many?")]}
ROUNDS = 30
CALLS = 20_000
TEXT = " ".join(f"word{i}" for i in range(60)) + ". The answer is {}."


def each(hook: Callable[[], object]) -> float:
    """Seconds of one call of a hook."""
    hook()
    began = time.perf_counter()
    for _ in range(CALLS):
        hook()
    return (time.perf_counter() - began) / CALLS


def around_a_call() -> None:
    with ended_when_cancelled():
        pass


def main() -> None:
    for variable in [name for name in os.environ if name.startswith(("LANGSMITH_", "LANGCHAIN_"))]:
        del os.environ[variable]
    pool = Pool([Candidate(f"m{i}", ScriptedChatModel(responses=TEXT.format(i))) for i in range(8)])
    context = Context(width=None, boot_tokens=20, agree=None, aggregator="llm")
    graph = create_lightrouter(pool, context=context).compile(name="lightrouter")

    async def query() -> float:
        began = time.perf_counter()
        await graph.ainvoke(ASKED)
        return time.perf_counter() - began

    answer = asyncio.run(graph.ainvoke(ASKED))["messages"][-1]
    decision = answer.response_metadata["lightrouter"]
    calls = decision["bill"]["calls"]
    ranking = {"layer": 1, "selector": "llm", "order": ["a"], "scores": {"a": 1.0}, "reasons": {}, "notes": {}}
    hooks = {
        "trace_ranking": each(lambda: trace_ranking(ranking, {})),
        "trace_decision": each(lambda: trace_decision(decision)),
        "ended_when_cancelled": each(around_a_call),
    }
    with LangSmithIngest() as ingest:
        seconds = {}
        for what, scope in (("off", nullcontext()), ("on", ingest.traced())):
            with scope:
                seconds[what] = statistics.median([asyncio.run(query()) for _ in range(ROUNDS)])
        sent = len(ingest.sent) / ROUNDS
    for name, spent in hooks.items():
        print(f"{name:<22}{spent * 1e6:8.2f} us each with tracing off")
    hooked = hooks["trace_ranking"] + hooks["trace_decision"] + calls * hooks["ended_when_cancelled"]
    off, on = seconds["off"], seconds["on"]
    print(f"query of {calls} calls, off  {off * 1000:8.2f} ms, of which the hooks {hooked / off:.3%}")
    print(f"query of {calls} calls, on   {on * 1000:8.2f} ms, {on / off:.1f} x, {sent / 1000:.0f} kB posted")
    print("(the client and the ingest run in this process)")


if __name__ == "__main__":
    main()
