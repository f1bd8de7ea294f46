"""Runs as experiments: what is uploaded to LangSmith, once."""

import traceback
from datetime import datetime, timedelta

import pytest
from evaluation.langsmith_store import TENANT, UPLOAD, LangSmithStore
from langsmith import Client

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.export.langsmith import export
from lightrouter_graph.evaluation.questions import Output, Question

KEY = "lsv2_pt_0123456789abcdef0123456789"
OAK = Question("q1", "2 + 2?", "sums", "4", {"oak": Output("It is 4.", 1.0, 5)})
ELM = Question("q2", "Why?", None, None, {"oak": Output("Because.", None, 2)})
CALLS = [{"candidate": "elm", "stage": "generate", "began_s": 1.5, "ended_s": 4.0}]


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
    client = Client(api_url=store.url, api_key=KEY, auto_batch_tracing=False)
    yield client
    client.cleanup()


def send(results, client, questions=(OAK, ELM), **settings):
    return export(results, questions, dataset_name="sums", experiment_prefix="may", client=client, **settings)


def rows_of(store):
    return [row for body in store.uploads.values() for row in body["results"]]


def lasted(row):
    return datetime.fromisoformat(row["end_time"]) - datetime.fromisoformat(row["start_time"])


def test_each_method_is_an_experiment_over_the_data_set(store, client):
    send([result(), result(method="oak"), result("q2")], client)
    router, oak = store.uploads.values()
    assert router["experiment_name"].startswith("may-router-")
    assert oak["experiment_name"].startswith("may-oak-")
    assert router["dataset_name"] == oak["dataset_name"] == "sums"
    assert router["experiment_metadata"]["method"] == "router"
    assert [len(body["results"]) for body in (router, oak)] == [2, 1]
    assert router["results"][0]["row_id"] == oak["results"][0]["row_id"] != router["results"][1]["row_id"]


def test_a_row_has_question_reference_answer_and_duration(store, client):
    send([result(), result("q2")], client)
    first, second = rows_of(store)
    assert (first["inputs"], first["expected_outputs"]) == ({"question": "2 + 2?"}, {"answer": "4"})
    assert (second["inputs"], second["expected_outputs"]) == ({"question": "Why?"}, {})
    assert first["actual_outputs"] == {"answer": "It is 4.", "short": "4", "chosen": "oak"}
    assert (first["run_name"], first["error"], lasted(first)) == ("router", None, timedelta(seconds=4.25))
    assert first["run_metadata"]["question"] == "q1"
    assert (first["run_metadata"]["input_tokens"], first["run_metadata"]["output_tokens"]) == (20, 50)


def test_rows_lie_within_the_time_of_their_experiment(store, client):
    send([result(seconds=9.0), result("q2")], client)
    (body,) = store.uploads.values()
    assert body["experiment_start_time"] <= min(row["start_time"] for row in body["results"])
    assert body["experiment_end_time"] >= max(row["end_time"] for row in body["results"])


def test_scores_are_quality_tokens_cost_and_time(store, client):
    send([result()], client)
    scores = {one["key"]: one["score"] for one in rows_of(store)[0]["evaluation_scores"]}
    assert scores == {"quality": 1.0, "tokens": 70, "usd_per_1000": 0.0125, "seconds": 4.25}


def test_unknown_values_have_no_score(store, client):
    send([result(score=None, usd=None, seconds=None)], client)
    (row,) = rows_of(store)
    assert [one["key"] for one in row["evaluation_scores"]] == ["tokens"]
    assert lasted(row) == timedelta(seconds=4)  # the end of the last call


def test_a_failure_shows_its_error(store, client):
    send([result(error="no candidate could answer", text=None, chosen=None, answer=None, score=0.0)], client)
    (row,) = rows_of(store)
    assert row["error"] == "no candidate could answer"
    assert row["actual_outputs"]["answer"] is None


def test_an_own_text_precedes_the_recorded_one(store, client):
    send([result(text="Four.")], client)
    assert rows_of(store)[0]["actual_outputs"]["answer"] == "Four."


def test_exporting_twice_uploads_nothing_new(store, client):
    results = [result(), result("q2"), result(method="oak")]
    first = send(results, client)
    assert send(results[::-1], client).partition("?")[0] == first.partition("?")[0]
    assert len(store.uploads) == 2
    assert sum(line == f"POST {UPLOAD}" for line in store.requests) == 2


def test_other_results_are_another_experiment_over_the_same_rows(store, client):
    send([result()], client)
    send([result(score=0.0)], client)
    assert len(store.uploads) == 2
    assert len({row["row_id"] for row in rows_of(store)}) == 1


def test_a_question_that_changed_is_another_row(store, client):
    send([result()], client)
    send([result(score=0.5)], client, questions=[Question("q1", "2 + 3?", None, "5")])
    assert len({row["row_id"] for row in rows_of(store)}) == 2


def test_progress_is_reported_after_each_method(store, client):
    seen = []
    results = [result(), result("q2"), result(method="oak")]
    send(results, client, progress=lambda done, of: seen.append((done, of, len(rows_of(store)))))
    assert seen == [(2, 3, 2), (3, 3, 3)]


def test_the_address_compares_the_experiments(store, client):
    address = send([result(), result(method="oak")], client)
    ids = "%2C".join(project["id"] for project in store.projects.values())
    dataset = store.datasets["sums"]
    assert address == f"http://localhost/o/{TENANT}/datasets/{dataset}/compare?selectedSessions={ids}"


def test_half_a_character_of_a_model_is_sent_as_an_escape(store, client):
    send([result(text="It is \ud83d")], client)
    assert rows_of(store)[0]["actual_outputs"]["answer"] == "It is \ud83d"


def test_the_key_comes_from_the_environment(store, monkeypatch):
    monkeypatch.setenv("LANGSMITH_API_KEY", KEY)
    monkeypatch.setenv("LANGSMITH_ENDPOINT", store.url)
    send([result()], None)
    assert store.keys == {KEY}
    assert len(store.uploads) == 1


def test_without_a_key_nothing_is_sent(store, monkeypatch):
    monkeypatch.setenv("LANGSMITH_ENDPOINT", store.url)
    with pytest.raises(EvaluationError, match="set LANGSMITH_API_KEY, or pass a client"):
        send([result()], None)
    assert not store.requests


@pytest.mark.parametrize("path", ["/sessions", UPLOAD])
def test_a_refusal_is_an_error_without_the_key(store, monkeypatch, path):
    monkeypatch.setenv("LANGSMITH_API_KEY", KEY)
    monkeypatch.setenv("LANGSMITH_ENDPOINT", store.url)
    store.refusals[path] = (403, f'{{"detail": "the key {KEY} may not do that"}}')
    with pytest.raises(EvaluationError, match=r"did not accept the export: .*may not do that") as caught:
        send([result()], None)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert KEY[-2:] not in str(caught.value).rpartition("the key")[2]


def test_a_missing_server_is_an_error_without_the_key():
    with LangSmithStore() as gone:
        pass
    client = Client(api_url=gone.url, api_key=KEY, retry_config=0, auto_batch_tracing=False)
    with pytest.raises(EvaluationError, match=f"LangSmith at {gone.url} did not accept the export: ") as caught:
        send([result()], client)
    client.cleanup()
    assert "lsv2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("results", "settings", "message"),
    [
        ([], {}, "there are no results"),
        ([result("q9")], {}, "the result of 'router' for question 'q9' has no such question"),
        ([result(), result()], {}, "the result of 'router' for question 'q1' is there twice"),
        ([result()], {"dataset_name": " "}, "dataset_name is empty"),
        ([result()], {"experiment_prefix": ""}, "experiment_prefix is empty"),
    ],
)
def test_invalid_input_is_an_error_before_anything_is_sent(store, client, results, settings, message):
    names = {"dataset_name": "sums", "experiment_prefix": "may"} | settings
    with pytest.raises(EvaluationError, match=message):
        export(results, [OAK], client=client, **names)
    assert not [line for line in store.requests if line.startswith("POST")]
