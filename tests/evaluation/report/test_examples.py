from collections.abc import Sequence

import pytest
from evaluation.report.example import Example

from lightrouter_graph.evaluation.records import Result
from lightrouter_graph.evaluation.report import examples
from lightrouter_graph.evaluation.report.examples import page_data, select_examples, verdict


def _differing(run: Example, results: Sequence[Result]) -> set[str]:
    compared = {r["method"] for r in results} - {
        m for m in {r["method"] for r in results} if "single" in m or "oracle" in m
    }
    right: dict[str, set[bool]] = {}
    for result in results:
        if result["method"] in compared:
            right.setdefault(result["question"], set()).add((result["score"] or 0) >= 0.5)
    return {question for question, found in right.items() if len(found) == 2}


def test_questions_with_differing_methods_come_first_and_are_counted(run: Example) -> None:
    differing = _differing(run, run.results)
    assert 10 < len(differing) < len(run.questions)
    few = select_examples(run.summary, run.results, run.questions, limit=10)
    assert {q.id for q in few.questions} <= differing
    assert few.description.startswith(
        f"10 of 56 questions are here: 10 (drawn by their ids) of the {len(differing)} in which"
    )
    many = select_examples(run.summary, run.results, run.questions, limit=len(differing) + 2)
    assert differing <= {q.id for q in many.questions}
    assert f"and 2 of the other {56 - len(differing)}, drawn by their ids" in many.description
    everything = select_examples(run.summary, run.results, run.questions, limit=56)
    assert everything.questions == run.questions
    assert everything.description == "All 56 questions are here."


def test_the_choice_does_not_hang_on_the_order_of_the_data(run: Example) -> None:
    one = select_examples(run.summary, run.results, run.questions, limit=9)
    other = select_examples(run.summary, run.results, run.questions[::-1], limit=9)
    assert {q.id for q in one.questions} == {q.id for q in other.questions}


@pytest.mark.parametrize(
    ("score", "error", "said"),
    [(1.0, "", "right"), (0.5, "", "right"), (0.49, "", "wrong"), (None, "", "unscored"), (None, "timeout", "failed")],
)
def test_a_verdict_is_read_from_score_and_error(run: Example, score: float | None, error: str, said: str) -> None:
    assert verdict({**run.results[0], "score": score, "error": error}) == said


def test_long_texts_are_cut_and_have_their_whole_length(run: Example) -> None:
    chosen = select_examples(run.summary, run.results, run.questions)
    data = page_data(run.summary, run.results, chosen)
    cut = 0
    for question, shown in zip(chosen.questions, data["questions"], strict=True):
        for candidate in shown["candidates"]:
            text = question.outputs[candidate["name"]].text
            assert text.startswith(candidate["text"]["shown"])
            assert len(candidate["text"]["shown"]) == min(len(text), examples.MAX_TEXT)
            assert candidate["text"]["length"] == len(text)
            cut += len(text) > examples.MAX_TEXT
    assert cut > 0


def test_every_method_has_its_result_at_its_own_place(run: Example) -> None:
    data = page_data(run.summary, run.results[:-1], select_examples(run.summary, run.results, run.questions))
    by_place = {(r["question"], r["method"]): r for r in run.results}
    for question in data["questions"][:-1]:
        for method, shown in zip(data["methods"], question["results"], strict=True):
            result = by_place[question["id"], method["name"]]
            assert (shown["tokens"], shown["answer"]) == (result["output_tokens"], result["answer"])
    assert data["questions"][-1]["results"][-1] is None
