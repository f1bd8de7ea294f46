"""The graphs that are killed: their pools behind one server, what the models say and how long they take."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from langgraph.graph import StateGraph

from lightrouter_graph import Candidate, Context, LLMAggregator, LLMSelector, Pool, create_lightrouter
from lightrouter_graph.testing import RecordedModelServer, Timing

THREAD: Any = {"configurable": {"thread_id": "1"}}
NAMES = "abcd"
TEXTS = ("How many apples are in the basket?", "How many pears are on the tree behind it?")
QUESTIONS = tuple(HumanMessage(text, id=f"question-{number}") for number, text in enumerate(TEXTS))

SETTINGS = {
    # 3 boots, then 2 answers, 1 and 1: nobody agrees until the last is brought in.
    "adaptive": Context(boot_tokens=10, aggregator="vote"),
    # 4 boots, then the 2 best answer.
    "fixed": Context(width=None, boot_tokens=10, top_k=2, agree=None, aggregator="top_ranked"),
    # 4 boots, 2 judgements and a draft, then 4 boots, 2 judgements, 2 answers and their synthesis.
    "paper": Context.paper(boot_tokens=10),
    # 3 boots, of which 2 are whole and agree; the third is cancelled.
    "race": Context(boot_tokens=30),
}
"""Settings under which the same calls are made however the models' replies fall."""

TIMINGS = {
    "a": Timing(ttft_s=0.02, tokens_per_s=2000),
    "b": Timing(ttft_s=0.04, tokens_per_s=2000),
    "c": Timing(ttft_s=0.07, tokens_per_s=1500),
    "d": Timing(ttft_s=0.03, tokens_per_s=1000),
    "judge": Timing(ttft_s=0.04),
    "writer": Timing(ttft_s=0.04),
}


def router_at(base_url: str, setting: str) -> "StateGraph[Any, Any, Any, Any]":
    """Wire a router over the models behind an address."""
    models = {name: ChatOpenAI(model=name, base_url=base_url, api_key="none", max_retries=0) for name in _models()}
    return create_lightrouter(
        Pool([Candidate(name, models[name], continuation="continue_final_message") for name in NAMES]),
        selector=LLMSelector(Candidate("judge", models["judge"])) if setting == "paper" else None,
        aggregator=LLMAggregator(Candidate("writer", models["writer"])) if setting == "paper" else None,
        context=SETTINGS[setting],
    )


@contextmanager
def serving(setting: str) -> Iterator[RecordedModelServer]:
    """Serve the models of a setting."""
    said = _short() if setting == "race" else {name: _essay(name) for name in NAMES}
    records = [{"question": text, "outputs": said} for text in TEXTS]
    responders = {"judge": _judge, "writer": lambda body: "Put together, the answer is 2."}
    timings = TIMINGS | ({"c": Timing(ttft_s=0.3)} if setting == "race" else {})
    with RecordedModelServer(records, responders=responders, timings=timings) as server:
        yield server


def _models() -> list[str]:
    return [*NAMES, "judge", "writer"]


def _essay(name: str) -> str:
    """Write what a boot of 10 tokens cuts; b and d agree."""
    answer = {"a": 1, "b": 2, "c": 3, "d": 2}[name]
    return " ".join(f"{name}{i}" for i in range(40)) + f". The answer is {answer}."


def _short() -> dict[str, str]:
    return {"a": "The answer is 4.", "b": "It must be 4.", "c": " ".join(["word"] * 200), "d": "5"}


def _judge(body: dict[str, Any]) -> str:
    """Prefer the candidates in their order, wherever they are shown."""
    shown = json.loads(body["messages"][-1]["content"])["answers"]
    scores = [{"label": boot["label"], "score": 9 - NAMES.index(boot["text"][0])} for boot in shown]
    return json.dumps({"scores": scores})
