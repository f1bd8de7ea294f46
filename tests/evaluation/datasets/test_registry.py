"""Data sets by name, the hub, and limits."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets import known_names, load
from lightrouter_graph.evaluation.datasets.registry import PUBLIC
from lightrouter_graph.evaluation.problems import KINDS

ROWS = {
    "gsm8k": {"question": "How many?", "answer": "#### 4"},
    "math": {"problem": "What?", "solution": "\\boxed{4}", "level": "Level 1", "type": "Algebra"},
    "math-500": {"problem": "What?", "answer": "4", "level": 1, "subject": "Algebra", "unique_id": "test/1.json"},
    "mmlu": {"question": "Which?", "choices": ["a", "b", "c", "d"], "answer": 0, "subject": "law"},
    "mmlu-pro": {"question_id": 1, "question": "Which?", "options": ["a", "b"], "answer": "A", "category": "law"},
    "gpqa": {
        "Question": "Which?",
        "Correct Answer": "a",
        "Incorrect Answer 1": "b",
        "Incorrect Answer 2": "c",
        "Incorrect Answer 3": "d",
    },
    "mt-bench": {"prompt_id": 1, "category": "writing", "prompt": ["Write.", "More."], "reference": []},
}
ON_THE_HUB = {
    "gsm8k": [("openai/gsm8k", "main", "test")],
    "math-500": [("HuggingFaceH4/MATH-500", None, "test")],
    "mmlu": [("cais/mmlu", "all", "test")],
    "mmlu-pro": [("TIGER-Lab/MMLU-Pro", None, "test")],
    "gpqa": [("Idavidrein/gpqa", "gpqa_diamond", "train")],
    "mt-bench": [("HuggingFaceH4/mt_bench_prompts", None, "train")],
}


class Hub:
    """Has one split of a set, as the library `datasets` hands it out, and knows what it was asked for."""

    def __init__(self, rows: list[dict]) -> None:
        self.rows = rows
        self.asked: list[tuple[str, str | None, str]] = []

    def __call__(self, repo: str, config: str | None, split: str):
        datasets = pytest.importorskip("datasets", reason="datasets is not installed")
        self.asked.append((repo, config, split))
        return datasets.Dataset.from_list(self.rows)


def recording(tmp_path, name="mine.jsonl", questions=3) -> str:
    lines = [{"id": f"q{number}", "question": f"What is {number}?"} for number in range(questions)]
    (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(tmp_path / name)


# --- the hub ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ON_THE_HUB)
def test_a_bare_name_is_read_from_the_hub(name):
    hub = Hub([ROWS[name]])
    data = load(name, fetch=hub)
    assert hub.asked == ON_THE_HUB[name]
    assert (data.name, len(data.questions)) == (name, 1)
    assert data.questions[0].id.startswith(f"{name}-")


def test_math_is_put_together_of_its_subjects():
    hub = Hub([ROWS["math"]])
    data = load("math", split="train", fetch=hub)
    assert len(hub.asked) == 7 == len(data.questions)
    assert {(repo, split) for repo, _, split in hub.asked} == {("EleutherAI/hendrycks_math", "train")}
    assert len({config for _, config, _ in hub.asked}) == 7


def test_a_split_of_gpqa_is_a_configuration_there():
    hub = Hub([ROWS["gpqa"]])
    load("gpqa", split="main", fetch=hub)
    assert hub.asked == [("Idavidrein/gpqa", "gpqa_main", "train")]


def test_an_unreachable_hub_is_an_error_with_an_alternative():
    def unreachable(repo: str, config: str | None, split: str):
        raise ConnectionError("no route")

    with pytest.raises(EvaluationError, match=r"openai/gsm8k, main, test could not be fetched .*no route.*gsm8k:PATH"):
        load("gsm8k", fetch=unreachable)


def test_a_damaged_row_of_the_hub_is_named():
    hub = Hub([ROWS["gsm8k"], {"question": "Why?", "answer": "because"}])
    with pytest.raises(EvaluationError, match="openai/gsm8k, main, test, row 2: no number"):
        load("gsm8k", fetch=hub)


# --- names ------------------------------------------------------------------------------------------------------


def test_every_known_name_is_tested_here():
    assert set(known_names()) == {*ROWS, "pocket", "pocket-new", "sample"}
    assert set(PUBLIC) == set(ROWS)


def test_the_sample_has_scores_and_a_caveat():
    data = load("sample")
    assert len(data.questions) == 400
    assert {len(question.outputs) for question in data.questions} == {5}
    assert all(output.score in {0.0, 1.0} for question in data.questions for output in question.outputs.values())
    assert "do not transfer" in data.note


def test_new_wordings_are_other_questions():
    seen, new = load("pocket:20"), load("pocket-new:20")
    assert not {question.text for question in seen.questions} & {question.text for question in new.questions}
    assert new.questions[0].id == "pocket-new-00000"


def test_a_path_is_a_recording(tmp_path):
    data = load(recording(tmp_path))
    assert (data.name, data.scoring, len(data.questions)) == ("mine", "recorded", 3)
    with pytest.raises(EvaluationError, match="has no splits, got split='test'"):
        load(recording(tmp_path), split="test")


@pytest.mark.parametrize("name", ["gsm9k", "", ":", "gsm9k:x", "mine.txt"])
def test_unknown_names_are_met_with_the_known_ones(name):
    with pytest.raises(EvaluationError, match=r"unknown data set .*: known are gsm8k, math, .*pocket.*\.jsonl"):
        load(name)


@pytest.mark.parametrize("name", ["gsm8k:", "gsm8k:/no/such/file.jsonl"])
def test_a_missing_file_is_named(name):
    with pytest.raises(EvaluationError, match="no file or folder at"):
        load(name)


# --- pocket -----------------------------------------------------------------------------------------------------


def test_pocket_problems_have_their_answers():
    data = load("pocket:40")
    assert (data.name, data.scoring, len(data.questions)) == ("pocket", "number", 40)
    assert {question.category for question in data.questions} == set(KINDS)
    assert all(default_key(question.reference or "") == question.reference for question in data.questions)
    assert load("pocket:20").questions == data.questions[:20]
    assert len(load("pocket").questions) == 200


@pytest.mark.parametrize("name", ["pocket:", "pocket:many", "pocket:-1", "pocket:0", "pocket:²"])
def test_pocket_needs_a_number(name):
    with pytest.raises(EvaluationError, match="pocket"):
        load(name)


# --- limits -----------------------------------------------------------------------------------------------------


@given(limit=st.integers(1, 50), more=st.integers(0, 50))
def test_a_lower_limit_keeps_some_of_a_higher_one_in_order(limit, more):
    whole = [question.id for question in load("pocket:40").questions]
    fewer = [question.id for question in load("pocket:40", limit=limit).questions]
    further = [question.id for question in load("pocket:40", limit=limit + more).questions]
    assert len(fewer) == min(limit, 40)
    assert set(fewer) <= set(further)
    assert fewer == [name for name in whole if name in set(fewer)]


def test_a_limit_is_spread_over_the_set_and_at_least_one():
    kept = [int(question.id.removeprefix("pocket-")) for question in load("pocket:200", limit=40).questions]
    assert min(kept) < 40 < 160 < max(kept)
    with pytest.raises(EvaluationError, match="limit must be >= 1, got 0"):
        load("pocket", limit=0)
