"""Recordings: what is written is read back, and damage is named with its place."""

import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.datasets import ModelFacts, load_models, load_recording, write_recording
from lightrouter_graph.evaluation.questions import DataSet, Output, Question
from lightrouter_graph.providers.pricing import Price

LINE = {"id": "q1", "question": "2 + 2?", "category": "sums", "answer": "4", "outputs": {"a": {"text": "It is 4."}}}
TEXT = st.text(st.characters(exclude_categories=[]), max_size=20)  # halves of characters too: models write them
SECONDS = st.none() | st.floats(0, 1e6)
OUTPUT = st.builds(
    Output,
    text=TEXT,
    score=st.none() | st.floats(0, 1),
    tokens=st.integers(0, 10**6),
    input_tokens=st.none() | st.integers(0, 10**6),
    ttft_s=SECONDS,
    seconds=SECONDS,
    finished=st.booleans(),
)
SAMPLED = st.builds(
    lambda output, samples: Output(output.text, output.score, output.tokens, samples=tuple(samples)),
    OUTPUT,
    st.lists(OUTPUT, max_size=2),
)
QUESTION = st.builds(
    Question,
    id=st.text(min_size=1, max_size=8),
    text=st.text(min_size=1, max_size=20),
    category=st.none() | TEXT,
    reference=st.none() | TEXT,
    outputs=st.dictionaries(st.text(max_size=5), OUTPUT | SAMPLED, max_size=3),
)
QUESTIONS = st.lists(QUESTION, min_size=1, max_size=4, unique_by=lambda question: question.id)


def write_lines(path: Path, *lines: object) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


# --- there and back ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
@given(questions=QUESTIONS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_what_is_written_is_read_back(tmp_path, suffix, questions):
    path = tmp_path / f"kept{suffix}"
    write_recording(path, DataSet("another", tuple(questions), "math", "a note"))
    assert load_recording(path) == DataSet("kept", tuple(questions), "recorded")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_equal_data_give_equal_bytes(tmp_path):
    data = DataSet("x", (Question("q", "What?", outputs={"a": Output("4", 1.0, 1)}),), "exact")
    for name in ("one.jsonl.gz", "two.jsonl.gz"):
        write_recording(tmp_path / name, data)
    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()
    assert gzip.decompress((tmp_path / "one.jsonl.gz").read_bytes()).startswith(b'{"id": "q"')


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = write_lines(tmp_path / "kept.jsonl", LINE)
    before = path.read_bytes()
    unwritable = Question("q", "What?", outputs={"a": Output("4", object(), 1)})  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        write_recording(path, DataSet("x", (Question("p", "Why?"), unwritable), "exact"))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["kept.jsonl"]


def test_new_files_have_the_permissions_of_new_files(tmp_path):
    write_recording(tmp_path / "kept.jsonl", DataSet("x", (Question("q", "What?"),), "exact"))
    (tmp_path / "plain").touch()
    assert os.stat(tmp_path / "kept.jsonl").st_mode == os.stat(tmp_path / "plain").st_mode


# --- what others wrote ------------------------------------------------------------------------------------------


def test_a_minimal_line_is_enough_and_its_tokens_are_counted(tmp_path):
    path = write_lines(tmp_path / "small.jsonl", LINE | {"unknown": 1}, {"id": "q2", "question": "And?"})
    first, second = load_recording(path).questions
    assert first.outputs == {"a": Output("It is 4.", None, 4)}
    assert (first.text, first.category, first.reference) == ("2 + 2?", "sums", "4")
    assert second == Question("q2", "And?")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not JSON"),
        ("[]", "Input should be an object$"),
        ({**LINE, "outputs": {"a": "It is 4."}}, "outputs.a: Input should be an object$"),
        ({**LINE, "outputs": ["It is 4."]}, "outputs: Input should be a valid dictionary$"),
        ({**LINE, "id": ""}, "id: "),
        ({"id": "q2"}, "question: Field required"),
        ({**LINE, "outputs": {"a": {}}}, "outputs.a.text: Field required"),
        ({**LINE, "outputs": {"a": {"text": "x", "score": 1.5}}}, "outputs.a.score: .* less than or equal to 1"),
        ({**LINE, "outputs": {"a": {"text": "x", "tokens": -1}}}, "outputs.a.tokens: .* greater than or equal to 0"),
        ({**LINE, "outputs": {"a": {"text": "x", "samples": [{"text": 3}]}}}, "outputs.a.samples.0.text: "),
        ('{"id": "q2", "question": "?", "outputs": {"a": {"text": "x", "score": NaN}}}', "outputs.a.score: "),
    ],
)
def test_damage_is_named_with_its_file_and_line(tmp_path, line, problem):
    path = write_lines(tmp_path / "bad.jsonl", LINE, line)
    with pytest.raises(EvaluationError, match=rf"bad\.jsonl, line 2: .*{problem}") as caught:
        load_recording(path)
    assert "\n" not in str(caught.value)
    assert "Line" not in str(caught.value).replace(str(tmp_path), "")  # no class of ours


def test_packed_damage_missing_files_and_twins_are_named(tmp_path):
    (tmp_path / "bad.jsonl.gz").write_bytes(gzip.compress(json.dumps(LINE).encode())[:-9])
    with pytest.raises(EvaluationError, match=r"bad\.jsonl\.gz: damaged"):
        load_recording(tmp_path / "bad.jsonl.gz")
    with pytest.raises(EvaluationError, match=r"cannot read the recording .*none\.jsonl: No such file"):
        load_recording(tmp_path / "none.jsonl")
    twins = r"twins\.jsonl, line 3: two questions have the id 'q1', the other is on line 1$"
    with pytest.raises(EvaluationError, match=twins):
        load_recording(write_lines(tmp_path / "twins.jsonl", LINE, LINE | {"id": "q2"}, LINE))
    with pytest.raises(EvaluationError, match="'empty' has no questions"):
        load_recording(write_lines(tmp_path / "empty.jsonl"))


# --- models -----------------------------------------------------------------------------------------------------


def models(tmp_path: Path, held: object) -> Path:
    path = tmp_path / "models.json"
    path.write_text(json.dumps(held))
    return path


def test_facts_of_models_are_read(tmp_path):
    held = {
        "a": {"price_in": 1, "price_out": 2.5, "context": 8192, "params_b": None},
        "b": {"ttft_s": 0.5, "tokens_per_s": 40},
        "c": {"price_in": None, "price_out": None},
    }
    facts = {"a": ModelFacts(Price(1.0, 2.5)), "b": ModelFacts(None, 0.5, 40.0), "c": ModelFacts()}
    assert load_models(models(tmp_path, held)) == facts


@pytest.mark.parametrize(
    ("held", "problem"),
    [
        ({"a": {"price_in": -1, "price_out": 1}}, "a.price_in: "),
        ({"a": {"price_in": 1}}, "a needs both 'price_in' and 'price_out'"),
        ({"a": {"tokens_per_s": 0}}, "a.tokens_per_s: "),
        ([], "should be an object"),
    ],
)
def test_wrong_facts_of_models_are_named(tmp_path, held, problem):
    with pytest.raises(EvaluationError, match=rf"models\.json: .*{problem}"):
        load_models(models(tmp_path, held))


def test_a_missing_file_of_models_is_named(tmp_path):
    with pytest.raises(EvaluationError, match="cannot read the facts of models"):
        load_models(tmp_path / "models.json")
