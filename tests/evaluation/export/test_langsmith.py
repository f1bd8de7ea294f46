"""Runs as experiments: what arrives at LangSmith, once and for all."""

import traceback
import uuid
from datetime import datetime, timedelta

import pytest
from evaluation.langsmith_store import TENANT, WHEN, LangSmithStore
from langsmith import Client

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.export.langsmith import BATCH, export
from lightrouter_graph.evaluation.questions import Output, Question

KEY = "lsv2_pt_0123456789abcdef0123456789"
BEGIN = datetime.fromisoformat(WHEN)
OAK = Question("q1", "2 + 2?", "sums", "4", {"oak": Output("It is 4.", 1.0, 5)})
ELM = Question("q2", "Why?", None, None, {"oak": Output("Because.", None, 2)})
CALLS = [
    {
        "candidate": name,
        "stage": stage,
        "input_tokens": 10,
        "output_tokens": written,
        "usd": usd,
        "began_s": began,
        "ended_s": ended,
        "stopped": False,
    }
    for name, stage, written, usd, began, ended in (
        ("oak", "boot", 20, 0.001, 0.0, 1.5),
        ("elm", "generate", 30, None, 1.5, 4.0),
    )
]


def result(question="q1", method="router", **fields):
    return {
        "question": question,
        "method": method,
        "fold": 0,
        "category": None,
        "score": 1.0,
        "chosen": "oak",
        "text": None,
        "answer": "4",
        "confidence": None,
        "calls": 2,
        "input_tokens": 20,
        "output_tokens": 50,
        "usd": 0.0000125,
        "first_token_s": 2.0,
        "seconds": 4.25,
        "stand_in": "",
        "error": "",
        "route": None,
        "spent": CALLS,
    } | fields


@pytest.fixture
def store():
    with LangSmithStore() as store:
        yield store


@pytest.fixture
def client(store):
    client = Client(api_url=store.url, api_key=KEY)
    yield client
    client.cleanup()


def send(results, client, questions=(OAK, ELM), **settings):
    return export(results, questions, dataset_name="sums", experiment_prefix="may", client=client, **settings)


def roots(store):
    return [run for run in store.runs if run.parent is None]


def test_a_question_becomes_an_example_with_its_reference(store, client):
    send([result(), result("q2")], client)
    told = [(one["inputs"], one["outputs"], one["metadata"]["question"]) for one in store.examples.values()]
    assert sorted(told, key=lambda one: one[2]) == [
        ({"question": "2 + 2?"}, {"answer": "4"}, "q1"),
        ({"question": "Why?"}, {}, "q2"),
    ]
    assert {one["dataset_id"] for one in store.examples.values()} == {store.datasets["sums"]["id"]}


def test_only_questions_that_were_answered_become_examples(store, client):
    send([result("q2")], client)
    assert [one["metadata"]["question"] for one in store.examples.values()] == ["q2"]


def test_each_method_is_an_experiment_over_the_data_set(store, client):
    send([result(), result(method="oak"), result("q2")], client)
    router, oak = store.projects.values()
    assert router["name"].startswith("may-router-")
    assert oak["name"].startswith("may-oak-")
    assert router["reference_dataset_id"] == oak["reference_dataset_id"] == store.datasets["sums"]["id"]
    assert (router["num_examples"], oak["num_examples"]) == (2, 1)
    assert router["extra"]["metadata"]["method"] == "router"
    counts = [sum(run.fields["session_name"] == project["name"] for run in roots(store)) for project in (router, oak)]
    assert counts == [2, 1]


def test_the_run_of_a_question_tells_what_was_asked_answered_and_how_long_it_took(store, client):
    send([result()], client)
    [root] = roots(store)
    [example] = store.examples
    assert root.fields["reference_example_id"] == example
    assert root.fields["inputs"] == {"question": "2 + 2?"}
    assert root.fields["outputs"] == {"answer": "It is 4.", "short": "4", "chosen": "oak"}
    assert (root.name, root.kind, root.fields.get("error")) == ("router", "chain", None)
    assert datetime.fromisoformat(root.fields["start_time"]) == BEGIN
    assert datetime.fromisoformat(root.fields["end_time"]) - BEGIN == timedelta(seconds=4.25)
    assert root.metadata["question"] == "q1"
    assert uuid.UUID(root.id).version == 7


def test_the_runs_of_the_calls_carry_the_tokens_and_the_run_above_them_none(store, client):
    send([result()], client)
    [root] = roots(store)
    oak, elm = [run for run in store.runs if run.parent == root.id]
    assert (oak.name, oak.kind, oak.tags, elm.name, elm.tags) == ("oak", "llm", {"boot"}, "elm", {"generate"})
    tokens = {"input_tokens": 10, "output_tokens": 20, "total_tokens": 30, "total_cost": 0.001}
    assert oak.metadata["usage_metadata"] == tokens
    assert elm.metadata["usage_metadata"] == {"input_tokens": 10, "output_tokens": 30, "total_tokens": 40}
    assert "usage_metadata" not in root.metadata
    lasts = [datetime.fromisoformat(elm.fields[name]) - BEGIN for name in ("start_time", "end_time")]
    assert lasts == [timedelta(seconds=1.5), timedelta(seconds=4)]
    assert elm.order.startswith(f"{root.order}.")


@pytest.mark.parametrize("fields", [{"spent": []}, {}])
def test_without_runs_of_calls_the_one_run_carries_the_tokens(store, client, fields):
    send([result(**fields)], client, with_calls=False)
    [run] = store.runs
    assert run.kind == "llm"
    tokens = {"input_tokens": 20, "output_tokens": 50, "total_tokens": 70, "total_cost": 0.0000125}
    assert run.metadata["usage_metadata"] == tokens


def test_feedback_says_how_good_and_how_dear_it_was(store, client):
    send([result()], client)
    [root] = roots(store)
    told = {one["key"]: one["score"] for one in store.feedback}
    assert told == {"quality": 1.0, "tokens": 70, "usd_per_1000": 0.0125, "seconds": 4.25}
    assert {one["run_id"] for one in store.feedback} == {root.id}
    assert {one["session_id"] for one in store.feedback} == {next(iter(store.projects.values()))["id"]}


def test_what_is_not_known_gets_no_feedback(store, client):
    send([result(score=None, usd=None, seconds=None)], client)
    assert [one["key"] for one in store.feedback] == ["tokens"]
    [root] = roots(store)
    assert datetime.fromisoformat(root.fields["end_time"]) - BEGIN == timedelta(seconds=4)  # the last call's end


def test_a_method_that_failed_shows_its_error(store, client):
    send([result(error="no candidate could answer", text=None, chosen=None, answer=None, score=0.0)], client)
    [root] = roots(store)
    assert root.fields["error"] == "no candidate could answer"
    assert root.fields["outputs"]["answer"] is None


def test_a_text_of_its_own_goes_before_the_recorded_one(store, client):
    send([result(text="Four.")], client)
    assert roots(store)[0].fields["outputs"]["answer"] == "Four."


def test_exporting_twice_doubles_nothing(store, client):
    results = [result(), result("q2"), result(method="oak")]
    first = send(results, client)
    runs, feedback = {run.id for run in store.runs}, {one["id"] for one in store.feedback}
    assert send(results[::-1], client).partition("?")[0] == first.partition("?")[0]
    assert (len(store.datasets), len(store.examples), len(store.projects)) == (1, 2, 2)
    assert {run.id for run in store.runs} == runs
    assert {one["id"] for one in store.feedback} == feedback


def test_other_results_are_another_experiment_over_the_same_examples(store, client):
    send([result()], client)
    send([result(score=0.0)], client)
    assert (len(store.examples), len(store.projects), len(roots(store))) == (1, 2, 2)


def test_a_question_that_changed_is_another_example(store, client):
    send([result()], client)
    send([result()], client, questions=[Question("q1", "2 + 3?", None, "5")])
    assert [one["inputs"]["question"] for one in store.examples.values()] == ["2 + 2?", "2 + 3?"]


def test_many_results_go_in_batches_and_progress_is_told(store, client):
    count = 2 * BATCH + 1
    many = [Question(f"q{number}", f"{number}?") for number in range(count)]
    seen = []
    results = [result(question.id, spent=CALLS[:1]) for question in many]
    send(results, client, many, progress=lambda done, of: seen.append((done, of, len(roots(store)))))
    assert seen == [(sent, count, sent) for sent in (BATCH, 2 * BATCH, count)]
    assert len(store.examples) == count
    send(results, client, many)  # the examples come back in pages, and none is sent again
    assert sum(line.endswith("/examples") for line in store.requests) == 3


def test_the_address_compares_the_experiments(store, client):
    address = send([result(), result(method="oak")], client)
    ids = "%2C".join(project["id"] for project in store.projects.values())
    dataset = store.datasets["sums"]["id"]
    assert address == f"http://localhost/o/{TENANT}/datasets/{dataset}/compare?selectedSessions={ids}"


def test_the_key_comes_from_the_environment(store, monkeypatch):
    monkeypatch.setenv("LANGSMITH_API_KEY", KEY)
    monkeypatch.setenv("LANGSMITH_ENDPOINT", store.url)
    monkeypatch.setenv("LANGSMITH_TRACING_SAMPLING_RATE", "0")
    send([result()], None)
    assert store.keys == {KEY}
    assert len(roots(store)) == 1


def test_without_a_key_nothing_is_sent(store, monkeypatch):
    monkeypatch.setenv("LANGSMITH_ENDPOINT", store.url)
    with pytest.raises(EvaluationError, match="set LANGSMITH_API_KEY, or pass a client"):
        send([result()], None)
    assert not store.requests


@pytest.mark.parametrize("path", ["/datasets", "/sessions", "/runs/multipart"])
def test_a_refusal_is_told_without_the_key(store, monkeypatch, path):
    monkeypatch.setenv("LANGSMITH_API_KEY", KEY)
    monkeypatch.setenv("LANGSMITH_ENDPOINT", store.url)
    store.refusals[path] = (403, f'{{"detail": "the key {KEY} may not do that"}}')
    with pytest.raises(EvaluationError, match=r"did not accept the export: .*may not do that") as caught:
        send([result()], None)
    told = "".join(traceback.format_exception(caught.value))
    assert KEY not in told
    assert KEY[-2:] not in str(caught.value).rpartition("the key")[2]


def test_a_server_that_is_not_there_is_told_without_the_key(monkeypatch):
    with LangSmithStore() as gone:
        pass
    client = Client(api_url=gone.url, api_key=KEY, retry_config=0)
    with pytest.raises(EvaluationError, match=f"LangSmith at {gone.url} did not accept the export: ") as caught:
        send([result()], client)
    client.cleanup()
    told = "".join(traceback.format_exception(caught.value))
    assert "lsv2" not in told


@pytest.mark.parametrize(
    ("results", "settings", "told"),
    [
        ([], {}, "there are no results"),
        ([result("q9")], {}, "the result of 'router' for question 'q9' has no such question"),
        ([result(), result()], {}, "the result of 'router' for question 'q1' is there twice"),
        ([result()], {"dataset_name": " "}, "dataset_name is empty"),
        ([result()], {"experiment_prefix": ""}, "experiment_prefix is empty"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_anything_is_sent(store, client, results, settings, told):
    names = {"dataset_name": "sums", "experiment_prefix": "may"} | settings
    with pytest.raises(EvaluationError, match=told):
        export(results, [OAK], client=client, **names)
    assert not [line for line in store.requests if line.startswith("POST")]  # a client may look who is there
