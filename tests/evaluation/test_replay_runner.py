"""Replays through the compiled graph against accounts made by hand: tokens, calls, USD and virtual seconds.

Every text is of one-letter words, so that a piece is a token, and every model writes 64 tokens a second after half a
second, so that all times are exact.
"""

import asyncio
import itertools
import random
import string
import time
from dataclasses import replace
from typing import Any

import pytest

from lightrouter_graph.context import Context
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.call_log import log_calls
from lightrouter_graph.evaluation.methods.registry import named
from lightrouter_graph.evaluation.methods.sampling import ask
from lightrouter_graph.evaluation.questions import Output, Question, fold_of
from lightrouter_graph.evaluation.records import ModelCall, Result
from lightrouter_graph.evaluation.replay_runner import Models, Replay
from lightrouter_graph.graph import create_lightrouter
from lightrouter_graph.testing.timing import Timing
from lightrouter_graph.testing.tokens import count_tokens

TTFT, PACE = 0.5, 64.0
QUESTION = "What is 2 plus 2?"
GRACE = 0.03
"""Seconds between the agreement and the cancellation of running calls."""

ASKED = 6 + 4
"""Tokens of the question, and of a message."""
PRICES = {"a": (1.0, 10.0), "b": (2.0, 20.0), "c": (3.0, 30.0)}


def text(tokens: int, answer: int) -> str:
    """Write so many tokens that end with an answer; no part of it begins as the whole does."""
    letters = itertools.cycle(string.ascii_lowercase)
    return " ".join(["so", *itertools.islice(letters, tokens - 6), f"The answer is {answer}."])


def wrote(tokens: int, answer: int = 4, **more: Any) -> Output:
    said = Output(text(tokens, answer), float(answer == 4), tokens, **more)
    assert count_tokens(said.text) == tokens
    return said


def seconds(tokens: int) -> float:
    return TTFT + (tokens - 1) / PACE


def answered(method: str, **outputs: Output) -> Result:
    """Let a method answer one question of three models; the first has the highest prior."""
    question = Question("q", QUESTION, outputs=outputs)
    return replay([question], **{name: PRICES[name] for name in outputs}).run(named(method), ["q"])[0]


def replay(questions: list[Question], overhead: int = 0, **prices: tuple[float, float]) -> Replay:
    return Replay(questions, Models(tuple(prices), prices, dict.fromkeys(prices, Timing(TTFT, PACE)), overhead))


def account(result: Result) -> list[tuple[Any, ...]]:
    """Name, stage, tokens read and written, and whether it was stopped, by when the calls began and by name."""
    calls = sorted(result["spent"], key=lambda call: (call["began_s"], call["candidate"]))
    return [tuple(c[key] for key in ("candidate", "stage", "input_tokens", "output_tokens", "stopped")) for c in calls]


def times(result: Result) -> list[tuple[float, float | None, float]]:
    calls = sorted(result["spent"], key=lambda call: (call["began_s"], call["candidate"]))
    return [(call["began_s"], call["first_token_s"], call["ended_s"]) for call in calls]


def usd(*calls: ModelCall) -> float:
    return (
        sum(
            c["input_tokens"] * PRICES[c["candidate"]][0] + c["output_tokens"] * PRICES[c["candidate"]][1]
            for c in calls
        )
        / 1e6
    )


ALL = "agree=none"


def test_a_boot_is_cut_at_its_cap_and_its_continuation_costs_the_rest() -> None:
    result = answered(f"lightrouter:width=2,top_k=2,boot_tokens=10,{ALL}", a=wrote(40), b=wrote(20))
    going_on = ASKED + 10 + 4  # the boot comes back as a message of its own
    assert account(result) == [
        ("a", "boot", ASKED, 10, False),
        ("b", "boot", ASKED, 10, False),
        ("a", "generate", going_on, 30, False),
        ("b", "generate", going_on, 10, False),
    ]
    assert (result["calls"], result["input_tokens"], result["output_tokens"]) == (4, 2 * ASKED + 2 * going_on, 40 + 20)
    assert result["usd"] == pytest.approx((34 * 1 + 40 * 10 + 34 * 2 + 20 * 20) / 1e6)
    boots, end = seconds(10), seconds(10) + seconds(30)
    assert times(result) == [
        (0.0, TTFT, boots),
        (0.0, TTFT, boots),
        (boots, boots + TTFT, end),
        (boots, boots + TTFT, boots + seconds(10)),
    ]
    assert result["seconds"] == end
    assert (result["chosen"], result["text"], result["score"], result["confidence"]) == ("a", None, 1.0, 1.0)


def test_a_regenerated_boot_costs_its_tokens_in_addition() -> None:
    result = answered(
        f"lightrouter:width=2,top_k=2,boot_tokens=10,continuation=regenerate,{ALL}", a=wrote(40), b=wrote(20)
    )
    assert [row[1:4] for row in account(result)] == [
        ("boot", ASKED, 10),
        ("boot", ASKED, 10),
        ("generate", ASKED, 40),
        ("generate", ASKED, 20),
    ]
    assert result["output_tokens"] == 10 + 10 + 40 + 20
    assert result["seconds"] == seconds(10) + seconds(40)


def test_a_candidate_with_shared_boots_regenerates_and_reads_more() -> None:
    result = answered(f"lightrouter:width=2,top_k=2,boot_tokens=10,conditioning=shared,{ALL}", a=wrote(40), b=wrote(20))
    rows = account(result)
    assert [row[3] for row in rows] == [10, 10, 40, 20]
    assert all(row[2] > ASKED + 2 * 10 for row in rows[2:])  # at least both boots


def test_a_finished_boot_is_not_called_again() -> None:
    result = answered(f"lightrouter:width=3,top_k=3,boot_tokens=20,{ALL}", a=wrote(40), b=wrote(20), c=wrote(8))
    assert [row[:2] + row[3:4] for row in account(result)] == [
        ("a", "boot", 20),
        ("b", "boot", 20),
        ("c", "boot", 8),
        ("a", "generate", 20),
    ]
    assert result["output_tokens"] == 40 + 20 + 8


def test_an_output_that_was_cut_at_its_model_s_own_limit_is_no_finished_boot() -> None:
    result = answered(f"lightrouter:width=2,top_k=2,{ALL}", a=wrote(40), b=wrote(20, 5, finished=False))
    boots = {boot["candidate"]: boot["finished"] for boot in result["route"]["boots"]} if result["route"] else {}
    assert boots == {"a": True, "b": False}


def test_agreement_cancels_running_calls_and_counts_their_tokens() -> None:
    result = answered("lightrouter:width=3,top_k=3,agree=2", a=wrote(20), b=wrote(30), c=wrote(120, 5))
    decided = pytest.approx(seconds(30) + GRACE)
    assert account(result) == [
        ("a", "boot", ASKED, 20, False),
        ("b", "boot", ASKED, 30, False),
        ("c", "boot", ASKED, 31, True),  # with b's thirtieth token its thirtieth, and one more in the time of grace
    ]
    assert times(result) == [(0, TTFT, seconds(20)), (0, TTFT, seconds(30)), (0, TTFT, decided)]
    assert (result["seconds"], result["output_tokens"]) == (decided, 81)
    assert result["usd"] == pytest.approx(usd(*result["spent"]))


def test_a_model_stopped_before_its_first_token_has_written_nothing() -> None:
    slow = wrote(100, 5, ttft_s=2.0, seconds=4.0)
    result = answered("lightrouter:width=3,top_k=3,agree=2", a=wrote(20), b=wrote(30), c=slow)
    assert account(result)[2] == ("c", "boot", ASKED, 0, True)
    assert times(result)[2] == (0, None, pytest.approx(seconds(30) + GRACE))


def test_one_by_one_the_times_add_up() -> None:
    result = answered("lightrouter-sequential", a=wrote(20), b=wrote(30, 5), c=wrote(40))
    assert [row[:2] + row[3:] for row in account(result)] == [
        ("a", "generate", 20, False),
        ("b", "generate", 30, False),
        ("c", "generate", 40, False),
    ]
    assert result["seconds"] == seconds(20) + seconds(30) + seconds(40)


def test_one_model_streams_from_its_first_token() -> None:
    result = answered("lightrouter:width=1,top_k=1", a=wrote(40), b=wrote(20))
    assert (result["first_token_s"], result["seconds"], result["output_tokens"]) == (TTFT, seconds(40), 40)


def test_all_of_them_at_once_take_as_long_as_the_longest() -> None:
    result = answered("majority", a=wrote(20), b=wrote(120), c=wrote(40))
    assert (result["calls"], result["seconds"]) == (3, seconds(120))


def test_recorded_times_are_kept_and_a_boot_takes_its_share_of_them() -> None:
    timed = {"a": wrote(33, ttft_s=1.0, seconds=3.0), "b": wrote(20)}  # 16 tokens a second
    assert answered("single:a", **timed)["seconds"] == 3.0
    boots = answered(f"lightrouter:width=2,top_k=1,boot_tokens=17,{ALL}", **timed)
    of_a = [time for row, time in zip(account(boots), times(boots), strict=True) if row[0] == "a"]
    assert of_a[0] == (0, 1.0, 2.0)
    if len(of_a) > 1:
        assert of_a[1] == (2.0, 3.0, 3.0 + 15 / 16)


@pytest.mark.parametrize("cap", [1, 3, 7, 8, 20])
def test_a_streamed_answer_of_few_tokens_keeps_its_cap(cap: int) -> None:
    question = Question("q", QUESTION, outputs={"a": wrote(40), "b": wrote(20)})
    candidate = replay([question], a=PRICES["a"], b=PRICES["b"])._setting(0).pool["a"]

    async def listen() -> tuple[str, list[ModelCall]]:
        with log_calls() as calls:
            said = await ask(candidate, question, max_tokens=cap, stream_internally=True)
        return said.text, calls

    said, (call,) = asyncio.run(listen())
    assert (count_tokens(said), call["output_tokens"], call["stopped"]) == (cap, cap, False)
    assert not candidate.learned.ignores_cap


def test_recorded_input_tokens_and_an_overhead_are_counted() -> None:
    recorded = {"a": wrote(10, input_tokens=99), "b": wrote(10)}
    question = Question("q", QUESTION, outputs=recorded)
    running = replay([question], 7, a=PRICES["a"], b=PRICES["b"])
    (result,) = running.run(named("majority"), ["q"])
    assert {call["candidate"]: call["input_tokens"] for call in result["spent"]} == {"a": 99, "b": ASKED + 7}


def test_a_price_that_is_not_known_makes_the_cost_unknown() -> None:
    question = Question("q", QUESTION, outputs={"a": wrote(10), "b": wrote(10)})
    running = Replay([question], Models(("a", "b"), {"a": (1.0, 1.0)}))
    assert running.run(named("single:a"), ["q"])[0]["usd"] == pytest.approx((ASKED + 10) / 1e6)
    assert running.run(named("majority"), ["q"])[0]["usd"] is None


@pytest.mark.parametrize(
    "settings",
    [
        {"width": 2, "top_k": 2, "agree": None, "boot_tokens": 10},
        {"width": 3, "top_k": 3, "agree": None, "boot_tokens": 10, "calls": {"continuation": "regenerate"}},
        {"width": 3, "top_k": 2, "agree": None, "boot_tokens": 10, "conditioning": "shared"},
        {"width": 1, "top_k": 3},
        {"width": None, "top_k": 2, "agree": None, "layers": 2, "boot_tokens": 10},
    ],
)
def test_the_call_log_equals_the_bill_of_the_run(settings: dict[str, Any]) -> None:
    question = Question("q", QUESTION, outputs={"a": wrote(40), "b": wrote(20, 5), "c": wrote(30)})
    pool = replay([question], **PRICES)._setting(0).pool
    graph = create_lightrouter(pool, context=Context(**settings, seed=1, aggregator="vote")).compile()

    async def ask() -> tuple[Any, list[ModelCall]]:
        with log_calls() as calls:
            state = await graph.ainvoke({"messages": [("user", QUESTION)]})
        return state["messages"][-1].response_metadata["lightrouter"]["bill"], calls

    bill, calls = asyncio.run(ask())
    assert bill["calls"] == len(calls) > 1
    assert bill["usage"]["input_tokens"] == sum(call["input_tokens"] for call in calls)
    assert bill["usage"]["output_tokens"] == sum(call["output_tokens"] for call in calls)
    assert bill["usd"] == pytest.approx(usd(*calls))
    assert not bill["usage"]["estimated"]


def drawn(count: int) -> list[Question]:
    draw, made = random.Random(4), []
    for number in range(count):
        asked = f"What is {number} plus {number}?"
        outputs = {
            name: Output(
                text(draw.randint(6, 70), draw.choice([number, 9])), float(draw.random() < 0.5), draw.randint(5, 90)
            )
            for name in PRICES
        }
        made.append(Question(f"q{number}", asked, outputs=outputs))
    return made


MIXED = (
    "lightrouter:boot_tokens=16",
    "lightrouter-by-random:boot_tokens=16,top_k=1",
    "lightrouter-paper-consistency:boot_tokens=16",
    "random-2",
    "weighted-vote",
    "moa-1",
)


def test_hours_of_a_replay_take_no_time() -> None:
    slow = [
        replace(q, outputs={n: replace(o, ttft_s=90.0, seconds=290.0) for n, o in q.outputs.items()}) for q in drawn(40)
    ]
    began = time.monotonic()
    results = replay(slow, **PRICES).run(named("majority"), [q.id for q in slow])
    assert sum(result["seconds"] or 0 for result in results) == 40 * 290.0
    assert time.monotonic() - began < 20


def test_results_are_identical_for_any_order_of_questions_and_methods() -> None:
    questions = drawn(12)
    ids = [question.id for question in questions]
    forwards, backwards = replay(questions, **PRICES), replay(questions[::-1], **PRICES)
    there = {(r["method"], r["question"]): r for name in MIXED for r in forwards.run(named(name), ids)}
    back = {(r["method"], r["question"]): r for name in MIXED[::-1] for r in backwards.run(named(name), ids[::-1])}
    assert there == back
    alone = replay(questions, **PRICES).run(named(MIXED[0]), ["q7"])
    assert alone == [there[MIXED[0], "q7"]]


def test_another_seed_draws_otherwise() -> None:
    questions = drawn(12)
    models = Models(tuple(PRICES))
    chosen = [
        [r["chosen"] for r in Replay(questions, models, seed=seed).run(named("random-2"), [q.id for q in questions])]
        for seed in (1, 1, 2)
    ]
    assert chosen[0] == chosen[1] != chosen[2]


@pytest.mark.parametrize("method", [*MIXED, "best-single", "top-2", "cascade", "router-50", "lightrouter-merged"])
def test_scores_of_a_fold_change_nothing_of_what_is_answered_in_it(method: str) -> None:
    questions = drawn(30)
    here = [q.id for q in questions if fold_of(q.id, 2) == 0]
    poisoned = [
        replace(q, outputs={n: replace(o, score=1 - (o.score or 0)) for n, o in q.outputs.items()})
        if q.id in here
        else q
        for q in questions
    ]
    clean, other = (replay(qs, **PRICES).run(named(method), here) for qs in (questions, poisoned))
    assert len(clean) > 8
    assert [{**r, "score": None} for r in clean] == [{**r, "score": None} for r in other]
    for one, two in zip(clean, other, strict=True):
        assert one["score"] is not None
        assert two["score"] == 1 - one["score"]


def test_an_oracle_does_read_the_scores_of_its_fold() -> None:
    questions = drawn(30)
    here = [q.id for q in questions if fold_of(q.id, 2) == 0]
    poisoned = [
        replace(q, outputs={n: replace(o, score=1 - (o.score or 0)) for n, o in q.outputs.items()}) for q in questions
    ]
    clean, other = (replay(qs, **PRICES).run(named("oracle"), here) for qs in (questions, poisoned))
    assert [r["chosen"] for r in clean] != [r["chosen"] for r in other]


def test_of_two_questions_in_equal_words_each_has_its_own_outputs() -> None:
    one = Question("one", QUESTION, outputs={"a": wrote(10), "b": wrote(20)})
    two = Question("two", QUESTION, outputs={"a": wrote(30, 5), "b": wrote(40, 5)})
    results = replay([one, two], a=PRICES["a"], b=PRICES["b"]).run(named("majority"), ["one", "two"])
    assert [(r["score"], r["output_tokens"]) for r in results] == [(1.0, 30), (0.0, 70)]


def test_a_truncated_answer_is_wrong_unless_it_has_the_key() -> None:
    said = "The answer is 4. " + " ".join(itertools.islice(itertools.cycle(string.ascii_lowercase), 40))
    outputs = {"early": Output(said, 1.0, count_tokens(said)), "late": wrote(40)}
    question = Question("q", QUESTION, reference="4", outputs=outputs)
    prices = dict.fromkeys(outputs, (1.0, 1.0))
    for name, score in (("early", 1.0), ("late", 0.0)):
        first = replay([question], **{name: prices[name]} | prices)
        (cut,) = first.run(named("lightrouter:width=1,top_k=1,max_tokens=12"), ["q"])
        assert (cut["chosen"], cut["output_tokens"], cut["score"]) == (name, 12, score)


def test_an_open_ended_answer_cut_at_a_cap_has_no_score() -> None:
    question = Question("q", QUESTION, outputs={"a": wrote(40), "b": wrote(20)})
    both = replay([question], a=PRICES["a"], b=PRICES["b"])
    (cut,) = both.run(named("lightrouter:width=1,top_k=1,max_tokens=12"), ["q"])
    assert cut["score"] is None


def test_what_is_missing_is_named() -> None:
    question = Question("q9", QUESTION, outputs={"a": wrote(10)})
    with pytest.raises(EvaluationError, match=r"^question 'q9' has no recorded output of b, c$"):
        replay([question], **PRICES)
    with pytest.raises(EvaluationError, match=r"folds must be >= 2, got 1"):
        Replay([], Models(("a",)), folds=1)
