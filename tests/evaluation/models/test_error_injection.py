"""Injected errors: as many boots as were drawn, the last number of each, and nothing else."""

import asyncio
import re

import pytest
from evaluation.toys import run, toy
from hypothesis import given
from hypothesis import strategies as st
from langchain_openai import ChatOpenAI

from lightrouter_graph.evaluation.methods.error_injection import error_injection_named
from lightrouter_graph.evaluation.methods.sampling import ask
from lightrouter_graph.evaluation.models.error_injection import Injection, inject_error, with_injected_errors
from lightrouter_graph.evaluation.questions import Output, Question
from lightrouter_graph.pool import Candidate
from lightrouter_graph.testing import ScriptedChatModel

ASKED = Question("q", "What is 6 times 7?")
TEXT = "6 * 7 = 42, so it is 42 pens"


@given(text=st.text(st.sampled_from("ab 0123456789.=\n"), max_size=40), seed=st.text(max_size=5))
def test_the_last_number_becomes_another_of_as_many_digits_and_all_else_stays(text: str, seed: str) -> None:
    struck, numbers = inject_error(text, seed=seed), list(re.finditer(r"\d+", text))
    assert struck == inject_error(text, seed=seed)
    if not numbers:
        assert struck == text
        return
    last = numbers[-1]
    assert struck[: last.start()] == text[: last.start()]
    assert struck[last.end() :] == text[last.end() :]
    wrong = struck[last.start() : last.end()]
    assert wrong.isdecimal()
    assert wrong != last[0]


def test_a_number_of_thousands_of_digits_is_struck_as_well() -> None:
    text = "= " + "9" * 6000
    struck = inject_error(text, seed="a")
    assert struck != text
    assert len(struck) == len(text)


@pytest.mark.parametrize(("share", "low", "high"), [(0, 0, 0), (0.25, 420, 580), (0.75, 1420, 1580), (1, 2000, 2000)])
def test_as_many_boots_are_changed_as_the_share(share: float, low: int, high: int) -> None:
    injection = Injection(1, share, seed=3)
    struck = [injection.applies(f"question {n}", name) for n in range(1000) for name in "ab"]
    assert low <= sum(struck) <= high
    assert struck == [injection.applies(f"question {n}", name) for n in range(1000) for name in "ab"]


def test_more_is_struck_of_what_was_struck() -> None:
    less, more = (Injection(1, share, seed=3) for share in (0.25, 0.5))
    assert all(more.applies(f"q{n}", "a") for n in range(200) if less.applies(f"q{n}", "a"))


def test_only_boots_are_changed_and_the_original_is_not() -> None:
    original = Candidate("m", ScriptedChatModel(responses=TEXT))
    struck = with_injected_errors(original, Injection(1, 1.0))
    said = {stage: asyncio.run(ask(struck, ASKED, stage=stage)).text for stage in ("boot", "generate", "aggregate")}
    assert said["boot"] == inject_error(TEXT, seed=f"0/{ASKED.text}/m") != TEXT
    assert said["generate"] == said["aggregate"] == TEXT
    assert asyncio.run(ask(original, ASKED, stage="boot")).text == TEXT
    assert asyncio.run(ask(with_injected_errors(original, Injection(2, 1.0)), ASKED, stage="boot")).text == TEXT
    assert asyncio.run(ask(with_injected_errors(original, Injection(1, 0.0)), ASKED, stage="boot")).text == TEXT


def test_its_class_and_facts_hold() -> None:
    original = Candidate("m", ChatOpenAI(model="m", api_key="any-key"), price=(1, 2))
    struck = with_injected_errors(original, Injection(1, 1.0))
    assert isinstance(struck.model, ChatOpenAI)
    assert type(original.model) is ChatOpenAI
    facts = ("name", "price", "provider", "limit_parameter", "continuation", "json_mode")
    assert [getattr(struck, fact) for fact in facts] == [getattr(original, fact) for fact in facts]


@pytest.mark.parametrize(("percent", "wrong"), [(0, set()), (100, {"a", "b", "c"})])
def test_a_corrupted_run_boots_wrong_in_the_layer_named(percent: int, wrong: set[str]) -> None:
    texts = {name: f"{name} says 6 * 7 = 42, that is all there is to say about it. The answer is 42." for name in "abc"}
    world = toy([Question("q", "What is 6 times 7?", outputs={n: Output(t, 1.0, 24) for n, t in texts.items()})])
    method = error_injection_named(f"corrupted-{percent}-in-1-of-1:boot_tokens=12")
    assert method is not None
    (answered,) = run(method, world)
    assert answered.reply is not None, answered.error
    assert answered.reply.route is not None
    boots = {boot["candidate"]: boot["text"] for boot in answered.reply.route["boots"]}
    assert len(boots) == 3
    assert {name for name, boot in boots.items() if not texts[name].startswith(boot)} == wrong
