"""Public sets in their usual files: each layout is written here, small, and read."""

import csv
import json
from pathlib import Path

import pytest

from lightrouter_graph.answer_keys.question_type import read_question
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets import load
from lightrouter_graph.evaluation.questions import Question

GSM8K_ROWS = [
    {"question": "How many is 2 + 2?", "answer": "2 + 2 = <<2+2=4>>4\n#### 4"},
    {"question": "How many is 600 + 600?", "answer": "It is\n#### 1,200"},
]
MATH_ROW = {
    "problem": "What is $\\frac{1}{4} + \\frac{1}{4}$?",
    "level": "Level 5",
    "type": "Algebra",
    "solution": "It is $\\boxed{3}$, no, $\\boxed{\\frac{1}{2}}$.",
}
PRO_ROW = {
    "question_id": 70,
    "question": "Which?",
    "options": [f"option {number}" for number in range(10)],
    "answer": "J",
    "answer_index": 9,
    "category": "business",
}
GPQA_ROW = {
    "Question": "Which particle?",
    "Correct Answer": "muon",
    "Incorrect Answer 1": "pion",
    "Incorrect Answer 2": "kaon",
    "Incorrect Answer 3": "gluon",
    "High-level domain": "Physics",
    "Record ID": "rec7",
}
MT_ROWS = [
    {"question_id": 81, "category": "writing", "turns": ["Write on rain.", "Now on snow."]},
    {"question_id": 111, "category": "math", "turns": ["2 + 2?", "3 + 3?"], "reference": ["4", "6"]},
]


def json_lines(path: Path, rows: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def json_file(path: Path, held: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(held))
    return path


def csv_file(path: Path, rows: list[list[str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def read(name: str, path: Path, **others) -> tuple[Question, ...]:
    return load(f"{name}:{path}", **others).questions


def options(question: Question) -> dict[str, str]:
    return read_question(question.text).options


# --- GSM8K ------------------------------------------------------------------------------------------------------


def test_gsm8k_is_read_from_json_lines(tmp_path):
    data = load(f"gsm8k:{json_lines(tmp_path / 'test.jsonl', GSM8K_ROWS)}")
    assert (data.name, data.scoring) == ("gsm8k", "number")
    assert [(question.id, question.reference) for question in data.questions] == [
        ("gsm8k-00000", "4"),
        ("gsm8k-00001", "1200"),
    ]
    assert data.questions[0].text.startswith("How many is 2 + 2?\n\n")
    assert 'The answer is X"' in data.questions[0].text


@pytest.mark.parametrize(
    "place", ["train.jsonl", "train/part.jsonl", "main/train-00000-of-00001.json", "gsm_train.jsonl"]
)
def test_a_folder_gives_the_split_that_is_asked_for(tmp_path, place):
    json_lines(tmp_path / "test.jsonl", GSM8K_ROWS)
    other = tmp_path / place
    (json_lines if place.endswith("l") else json_file)(other, GSM8K_ROWS[:1])
    assert len(read("gsm8k", tmp_path)) == 2
    assert len(read("gsm8k", tmp_path, split="train")) == 1
    with pytest.raises(EvaluationError, match="no file of split 'dev' at"):
        read("gsm8k", tmp_path, split="dev")


def test_parquet_is_read_as_on_the_hub(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow, which comes with datasets, is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.Table.from_pylist(GSM8K_ROWS), tmp_path / "test-00000-of-00001.parquet")
    parquet.write_table(pyarrow.Table.from_pylist([PRO_ROW]), tmp_path / "pro.parquet")
    assert read("gsm8k", tmp_path)[1].reference == "1200"
    assert options(read("mmlu-pro", tmp_path / "pro.parquet")[0])["J"] == "option 9"


# --- MATH -------------------------------------------------------------------------------------------------------


def test_math_is_read_from_a_folder_of_one_file_per_problem(tmp_path):
    json_file(tmp_path / "MATH/test/algebra/1.json", MATH_ROW)
    json_file(tmp_path / "MATH/test/geometry/2.json", MATH_ROW | {"type": "Geometry"})
    json_file(tmp_path / "MATH/train/algebra/1.json", MATH_ROW)
    data = load(f"math:{tmp_path / 'MATH'}")
    assert data.scoring == "math"
    assert [question.reference for question in data.questions] == ["\\frac{1}{2}"] * 2
    assert [question.category for question in data.questions] == ["Algebra, level 5", "Geometry, level 5"]
    assert "\\boxed{}" in data.questions[0].text
    assert len(read("math", tmp_path / "MATH", split="train")) == 1


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        ("$\\boxed 5$.", "5"),
        ("So $x = \\boxed{\\left\\{1, \\frac{2}{3}\\right\\}}$.", "\\left\\{1, \\frac{2}{3}\\right\\}"),
        ("\\fbox{7}", "7"),
    ],
)
def test_the_answer_of_a_solution_is_found(tmp_path, solution, answer):
    assert read("math", json_file(tmp_path / "1.json", MATH_ROW | {"solution": solution}))[0].reference == answer


def test_math_500_has_answers_and_ids_of_its_own(tmp_path):
    row = {
        "problem": "What?",
        "solution": "It is \\boxed{9}.",
        "answer": "\\left( 3, \\frac{\\pi}{2} \\right)",
        "subject": "Precalculus",
        "level": 2,
        "unique_id": "test/precalculus/807.json",
    }
    (question,) = read("math-500", json_lines(tmp_path / "test.jsonl", [row]))
    assert question.id == "math-500-test/precalculus/807"
    assert (question.reference, question.category) == ("\\left( 3, \\frac{\\pi}{2} \\right)", "Precalculus, level 2")


# --- multiple choice --------------------------------------------------------------------------------------------


def test_mmlu_is_read_from_the_folders_of_the_original(tmp_path):
    rows = [["Which planet,\nthe largest?", "Mars", "Jupiter", "1,000", 'the "Moon"', "B"]]
    csv_file(tmp_path / "data/test/high_school_physics_test.csv", rows)
    csv_file(tmp_path / "data/test/astronomy_test.csv", rows)
    csv_file(tmp_path / "data/dev/astronomy_dev.csv", rows)
    data = load(f"mmlu:{tmp_path / 'data'}")
    assert [(question.category, question.reference) for question in data.questions] == [
        ("astronomy", "B"),
        ("high school physics", "B"),
    ]
    assert options(data.questions[0]) == {"A": "Mars", "B": "Jupiter", "C": "1,000", "D": 'the "Moon"'}
    assert "(A) Mars\n(B) Jupiter\n" in data.questions[0].text
    assert 'The answer is (X)"' in data.questions[0].text
    assert data.scoring == "letter"


def test_mmlu_is_read_as_on_the_hub(tmp_path):
    row = {"question": "Which?", "subject": "us_history", "choices": ["a", "b", "c", "d"], "answer": 3}
    (question,) = read("mmlu", json_lines(tmp_path / "test.jsonl", [row]))
    assert (question.category, question.reference) == ("us history", "D")


def test_mmlu_pro_has_up_to_ten_options(tmp_path):
    short = PRO_ROW | {"question_id": 71, "options": ["one", "N/A", "three", "N/A", "N/A"], "answer": "C"}
    long, padded = read("mmlu-pro", json_file(tmp_path / "test.json", [PRO_ROW, short]))
    assert (long.id, long.reference, long.category) == ("mmlu-pro-70", "J", "business")
    assert options(long) == dict(zip("ABCDEFGHIJ", PRO_ROW["options"], strict=True))
    assert options(padded) == {"A": "one", "B": "N/A", "C": "three"}


def gpqa(path: Path, rows: list[dict]) -> Path:
    return csv_file(path, [list(rows[0]), *(list(row.values()) for row in rows)])


def test_gpqa_shuffles_each_question_always_alike(tmp_path):
    rows = [
        GPQA_ROW | {"Question": f"Which particle of {number}?", "Record ID": f"rec{number}"} for number in range(40)
    ]
    questions = read("gpqa", gpqa(tmp_path / "gpqa_diamond.csv", rows))
    backwards = read("gpqa", gpqa(tmp_path / "other.csv", rows[::-1]))
    assert {question.id: question.text for question in questions} == {q.id: q.text for q in backwards}
    assert all(options(question)[question.reference or ""] == "muon" for question in questions)
    assert all(set(options(question).values()) == {"muon", "pion", "kaon", "gluon"} for question in questions)
    assert {question.reference for question in questions} == set("ABCD")
    assert (questions[0].id, questions[0].category) == ("gpqa-rec0", "Physics")


def test_gpqa_is_the_diamond_split_by_default(tmp_path):
    gpqa(tmp_path / "gpqa_diamond.csv", [GPQA_ROW])
    gpqa(tmp_path / "gpqa_main.csv", [GPQA_ROW, GPQA_ROW | {"Record ID": "rec8"}])
    assert (len(read("gpqa", tmp_path)), len(read("gpqa", tmp_path, split="main"))) == (1, 2)


# --- open ended -------------------------------------------------------------------------------------------------


def test_mt_bench_asks_the_first_turn_and_notes_it(tmp_path):
    data = load(f"mt-bench:{json_lines(tmp_path / 'question.jsonl', MT_ROWS)}")
    assert data.questions == (
        Question("mt-bench-81", "Write on rain.", "writing"),
        Question("mt-bench-111", "2 + 2?", "math", "4"),
    )
    assert data.scoring == "judge"
    assert "first turn" in data.note


# --- damage -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "row", "problem"),
    [
        ("gsm8k", {"question": "What?"}, r"no text in the column 'answer' \(columns: question\)"),
        ("gsm8k", {"question": "What?", "answer": "4"}, "no number after '####'"),
        ("math", MATH_ROW | {"solution": "It is 4."}, "no .*boxed.* answer in the solution"),
        ("mmlu", {"question": "?", "choices": ["a", "b"], "answer": 7, "subject": "x"}, "0 to 3, got '7'"),
        ("mmlu-pro", PRO_ROW | {"answer": "K"}, "a letter from A to J, got 'K'"),
        ("mmlu-pro", PRO_ROW | {"options": ["one"]}, "2 to 10 options are needed, got 1"),
        ("gpqa", GPQA_ROW | {"Correct Answer": " "}, "no text in the column 'Correct Answer'"),
        ("mt-bench", {"question_id": 1, "category": "x", "turns": []}, "no first turn"),
        ("gsm8k", ["a list"], "not a row with named columns"),
    ],
)
def test_a_damaged_row_is_named_with_its_place(tmp_path, name, row, problem):
    with pytest.raises(EvaluationError, match=rf"rows\.jsonl, line 1: .*{problem}"):
        read(name, json_lines(tmp_path / "rows.jsonl", [row]))


def test_damaged_files_are_named(tmp_path):
    (tmp_path / "bad.json").write_text('{"question": ')
    (tmp_path / "short.csv").write_text("Which?,a,b\n")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe,a\n")
    (tmp_path / "empty").mkdir()
    for name, problem in {
        "bad.json": r"bad\.json, line 1: not JSON",
        "short.csv": r"short\.csv, line 1: 3 cells instead of 6",
        "bytes.csv": r"bytes\.csv: .*can't decode",
        "empty": r"no file at .*empty: a file or folder of \.json",
        "none": r"no file or folder at .*none",
    }.items():
        with pytest.raises(EvaluationError, match=problem):
            read("mmlu", tmp_path / name)
