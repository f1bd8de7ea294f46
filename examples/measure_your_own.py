"""Measure a policy of your own against the baselines, on recorded answers, in seconds.

    python examples/measure_your_own.py

The policy here is a LightRouter graph with a selector of four lines. Any object with `fit` and `answer` can be
measured: another graph, a trained router, a single prompt. No key is needed: the recording is part of the package.
Load your own with `load("recording.jsonl.gz")`; docs/evaluation.md has the format.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.graph.state import CompiledStateGraph
from rich.console import Console

from lightrouter_graph import Boot, Context, Query, Scores, create_lightrouter
from lightrouter_graph.evaluation import (
    Method,
    Models,
    Need,
    Question,
    Replay,
    Reply,
    Result,
    Setting,
    load,
    named,
    summarise,
    table,
)

BASELINES = ("best-single", "top-3", "majority", "lightrouter", "oracle")


class LongestFirst:
    """Selector: the longest boot is best."""

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Score each boot by its length, the longest with 1."""
        longest = max(len(boot["text"]) for boot in boots)
        return Scores({boot["candidate"]: len(boot["text"]) / longest for boot in boots}, selector="longest")


@dataclass(frozen=True)
class Mine:
    """The policy: all candidates write 16 boot tokens, the two longest boots are selected, a vote decides."""

    name: str = "mine"
    label: str = "mine: the two longest boots"
    needs: frozenset[Need] = frozenset()

    def fit(self, setting: Setting) -> "Ready":
        """Build it over the pool; `setting.history` has scored answers to other questions for training."""
        context = Context(boot_tokens=16, width=None, top_k=2, agree=None, aggregator="vote")
        return Ready(create_lightrouter(setting.pool, selector=LongestFirst(), context=context).compile())


@dataclass(frozen=True)
class Ready:
    """The compiled policy."""

    graph: CompiledStateGraph[Any, Any, Any, Any]

    async def answer(self, question: Question) -> Reply:
        """Answer one question; the models record the cost."""
        done = await self.graph.ainvoke({"messages": [HumanMessage(question.text)]})
        answer = done["messages"][-1]
        return Reply(answer.text, chosen=answer.response_metadata["lightrouter"]["merged_by"])


def main(count: int = 100) -> list[Result]:
    """Run the policy and the baselines, and print the table."""
    questions = load("sample").questions[:count]
    replay = Replay(questions, Models(tuple(questions[0].outputs)))
    methods: list[Method] = [*map(named, BASELINES), Mine()]
    results = [r for method in methods for r in replay.run(method, [question.id for question in questions])]
    labels = {method.name: method.label for method in methods}
    summary = summarise(results, questions, replay.facts("My policy on the sample", count), labels, ["best-single"])
    Console(width=120).print(table(summary))
    return results


if __name__ == "__main__":
    main()
