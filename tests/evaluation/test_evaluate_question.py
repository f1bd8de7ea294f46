"""Result of one question and method: author, score and cost of the answer, from hand-made model calls."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from evaluation.toys import output, question

from lightrouter_graph.errors import BudgetError, EvaluationError, NoSurvivorError
from lightrouter_graph.evaluation.call_log import log_call
from lightrouter_graph.evaluation.evaluate_question import QuestionEvaluator
from lightrouter_graph.evaluation.methods.base import Reply
from lightrouter_graph.evaluation.methods.single import FIRST
from lightrouter_graph.evaluation.questions import Output, Question
from lightrouter_graph.evaluation.records import ModelCall, Result, Route

ASKED = question(3, {"a": output(6), "b": output(7, 0.0), "c": Output("", 0.0, 0)}, category="sums")
ALOUD = "<think>\n3 and 3 is 6.\n</think>\n\nThe answer is 6."


def call(**more: Any) -> ModelCall:
    made: Any = {"candidate": "a", "stage": "generate", "input_tokens": 10, "output_tokens": 4, "usd": 0.25}
    return made | {"began_s": 100.0, "first_token_s": 101.0, "ended_s": 104.0, "stopped": False} | more


def answer(reply: Reply | Exception, *calls: ModelCall, asked: Question = ASKED) -> tuple[Result, list[str]]:
    """Let a method answer with that, after those calls, at second 100; return the result and what was scored anew."""
    times, scored = iter([100.0, 110.0]), []

    class Saying:
        async def answer(self, question: Question) -> Reply:
            for one in calls:
                log_call(one)
            if isinstance(reply, Exception):
                raise reply
            return reply

    async def score(question: Question, text: str) -> float | None:
        scored.append(text)
        return 0.5

    evaluator = QuestionEvaluator(FIRST, Saying(), 1, score, lambda: next(times))
    return asyncio.run(evaluator(asked)), scored


def test_a_recorded_output_keeps_its_recorded_score_and_its_text_is_not_repeated() -> None:
    result, scored = answer(Reply(ASKED.outputs["b"].text, chosen="b"), call())
    assert (result["chosen"], result["text"], result["score"], result["answer"]) == ("b", None, 0.0, "7")
    assert scored == []
    assert (result["question"], result["method"], result["fold"], result["category"]) == ("q3", "first", 1, "sums")


def test_a_merged_text_is_kept_and_scored() -> None:
    result, scored = answer(Reply("It is six.", chosen=None))
    assert (result["chosen"], result["text"], result["score"]) == (None, "It is six.", 0.5)
    assert scored == ["It is six."]


def test_a_recorded_output_without_a_score_is_scored() -> None:
    asked = replace(ASKED, outputs={"a": replace(ASKED.outputs["a"], score=None)})
    result, scored = answer(Reply(asked.outputs["a"].text, chosen="a"), asked=asked)
    assert (result["score"], scored) == (0.5, [asked.outputs["a"].text])


@pytest.mark.parametrize(("chosen", "author"), [("b", "b"), ("a", "a"), (None, "a"), ("gone", "a")])
def test_of_two_equal_outputs_the_chosen_one_counts(chosen: str | None, author: str) -> None:
    asked = replace(ASKED, outputs={"a": output(6), "b": output(6)})
    assert answer(Reply(asked.outputs["a"].text, chosen=chosen), asked=asked)[0]["chosen"] == author


@pytest.mark.parametrize("shown", [ALOUD, "The answer is 6."])
def test_an_output_with_reasoning_is_found_with_and_without_it(shown: str) -> None:
    asked = replace(ASKED, outputs={"b": output(7, 0.0), "r1": Output(ALOUD, 1.0, 20)})
    result, scored = answer(Reply(shown, chosen="r1"), asked=asked)
    assert (result["chosen"], result["text"], result["score"], scored) == ("r1", None, 1.0, [])


def test_a_failure_is_a_result_without_candidate_and_with_cost() -> None:
    exc = NoSurvivorError(layer=1, failures={"c": "empty: no text"})
    result, scored = answer(exc, call(candidate="c", output_tokens=0, first_token_s=None))
    assert "c: empty: no text" in result["error"]
    assert (result["score"], result["chosen"], result["answer"], result["first_token_s"]) == (None, None, None, None)
    assert (result["calls"], result["input_tokens"], result["usd"], scored) == (1, 10, 0.25, [])


def test_a_spent_budget_of_the_evaluation_is_no_result() -> None:
    with pytest.raises(BudgetError):
        answer(BudgetError("spent", needed={}, left={}, scope="run"))


def test_a_mistake_of_ours_is_no_result() -> None:
    with pytest.raises(ZeroDivisionError):
        answer(ZeroDivisionError())
    assert answer(EvaluationError("not recorded"))[0]["error"] == "not recorded"


def test_calls_are_added_up_and_their_times_run_from_the_question() -> None:
    calls = [call(), call(candidate="b", input_tokens=7, output_tokens=1, usd=0.5, first_token_s=None, stopped=True)]
    result, _ = answer(Reply("x"), *calls)
    assert (result["calls"], result["input_tokens"], result["output_tokens"], result["usd"]) == (2, 17, 5, 0.75)
    assert [(c["began_s"], c["first_token_s"], c["ended_s"]) for c in result["spent"]] == [(0, 1, 4), (0, None, 4)]
    assert result["seconds"] == 10


def test_one_price_unknown_makes_the_sum_unknown_and_no_call_costs_nothing() -> None:
    assert answer(Reply("x"), call(), call(usd=None))[0]["usd"] is None
    assert answer(Reply("x"))[0]["usd"] == 0


@pytest.mark.parametrize(
    ("reply", "first_s"),
    [
        (Reply("x"), 10.0),  # shown whole
        (Reply("x", first_token_s=102.5), 2.5),
        (Reply("x", streamed=True), 6.0),  # of the call that began last
    ],
)
def test_the_first_token_is_when_something_was_shown(reply: Reply, first_s: float) -> None:
    calls = [call(), call(began_s=105.0, first_token_s=106.0, ended_s=110.0), call(began_s=100.0, first_token_s=103.0)]
    assert answer(reply, *calls)[0]["first_token_s"] == first_s


def test_a_boot_that_is_a_prefix_of_an_output_is_stored_by_length() -> None:
    start = ASKED.outputs["a"].text[:9]
    boots: Any = [
        {"candidate": "a", "text": start, "characters": 9},
        {"candidate": "b", "text": "else", "characters": 4},
    ]
    route: Route = {
        "boots": boots,
        "kept": [],
        "selector": None,
        "agreed": 0,
        "answered": 0,
        "stopped": "",
        "merged": "vote",
    }
    kept = answer(Reply("x", route=route))[0]["route"]
    assert kept is not None
    assert [(b["text"], b["characters"]) for b in kept["boots"]] == [(None, 9), ("else", 4)]
    assert boots[0]["text"] == start
