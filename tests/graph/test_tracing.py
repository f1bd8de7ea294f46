"""What reaches LangSmith: the real client posts to a stand-in on loopback."""

import asyncio
import os
import re
import subprocess
import sys

import pytest
from helpers import QUESTION, decision, long, scripted
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langsmith import traceable, tracing_context
from langsmith.anonymizer import create_secret_anonymizer
from langsmith_ingest import LangSmithIngest, project_of

from lightrouter_graph import Candidate, Context, LLMSelector, Pool, Price, create_lightrouter
from lightrouter_graph.errors import LightRouterError
from lightrouter_graph.providers.building import build_model
from lightrouter_graph.telemetry.tracing import feedback
from lightrouter_graph.testing import Fail, RecordedModelServer, Reply, ScriptedChatModel

ASKED = {"messages": [("user", QUESTION)]}
PAPER = Context(boot_tokens=5, top_k=2, agree=None, aggregator="llm", seed=1)
SCORED = '{"scores": [{"label": "A", "score": 9}, {"label": "B", "score": 5}, {"label": "C", "score": 2}]}'
PRICE = Price(input=1.0, output=2.0)
SECRET = "sk-proj-" + "q7Zr2Lw9XcV4bN6mK8tYuP3sD5fG1hJ0"


@pytest.fixture
def ingest():
    with LangSmithIngest() as running:
        yield running


@pytest.fixture(params=["ainvoke", "invoke"])
def ask(request):
    """Ask a graph by either way in and return the answer."""

    def ask(graph, context=None, **config):
        if request.param == "invoke":
            return graph.invoke(ASKED, config, context=context)["messages"][-1]
        return asyncio.run(graph.ainvoke(ASKED, config, context=context))["messages"][-1]

    return ask


def judged(price=None):
    """Three candidates under a judge; the last one named is the first to fall."""
    judge = Candidate("judge", ScriptedChatModel(responses=SCORED), price=price)
    pool = scripted(a=long("4"), b=long("5"), c=long("6"), price=price)
    return create_lightrouter(pool, selector=LLMSelector(judge)).compile(name="lightrouter")


def model_runs(ingest):
    return [run for run in ingest.runs if run.kind == "llm"]


def lost(hang):
    return scripted(a="The answer is 4.", b="The answer is 4.", c=hang)


def test_every_call_hangs_under_its_node_and_every_node_under_the_graph(request, ingest, ask):
    with ingest.traced():
        message = ask(judged(), PAPER)
    first, second = (c["candidate"] for c in decision(message)["candidates"] if c["outcome"] == "answered")
    asked = sorted(path for path in ingest.paths() if "judge" in path)
    if request.node.callspec.params["ask"] == "ainvoke":  # in a synchronous graph a judge's call is no task of its own
        assert sorted(re.sub(r" [0-9a-f]{8}\b", "", path) for path in asked) == [
            *["lightrouter > select > select judge"] * 2,
            *["lightrouter > select > select judge > select:judge"] * 2,
        ]
    else:
        assert asked == ["lightrouter > select > select:judge"] * 2
    assert [path for path in ingest.paths() if "_" not in path and path not in asked] == sorted(
        [
            "lightrouter",
            "lightrouter > open",
            "lightrouter > boot",
            *[f"lightrouter > boot > boot {name}" for name in "abc"],
            *[f"lightrouter > boot > boot {name} > boot:{name}" for name in "abc"],
            "lightrouter > select",
            "lightrouter > generate",
            *[f"lightrouter > generate > generate {name}" for name in (first, second)],
            *[f"lightrouter > generate > generate {name} > generate:{name}" for name in (first, second)],
            "lightrouter > tally",
            "lightrouter > aggregate",
            f"lightrouter > aggregate > aggregate:{decision(message)['merged_by']}",
        ]
    )
    assert all(run.fields["trace_id"] == ingest.root.id for run in ingest.runs)
    assert all(run.fields.get("end_time") for run in ingest.runs)


def test_calls_say_in_tags_and_metadata_what_they_are_for(ingest, ask):
    with ingest.traced():
        ask(judged(), PAPER)
    for run in model_runs(ingest):
        stage, _, name = run.name.partition(":")
        assert f"lightrouter:{stage}" in run.tags
        assert run.metadata["lightrouter_stage"] == stage
        assert run.metadata["lightrouter_candidate"] == name
        assert run.metadata["lightrouter_layer"] == 1


def test_the_layer_of_a_call_is_told(ingest, ask):
    with ingest.traced():
        ask(judged(), PAPER.model_copy(update={"layers": 2}))
    boots = [run.metadata["lightrouter_layer"] for run in model_runs(ingest) if run.name.startswith("boot:")]
    assert sorted(boots) == [1, 1, 1, 2, 2, 2]


def test_select_says_who_was_ranked_where_and_who_was_dropped(ingest, ask):
    with ingest.traced():
        message = ask(judged(), PAPER)
    noted, candidates = ingest.named("select").metadata, decision(message)["candidates"]
    assert noted["lightrouter_selector"] == "llm"
    assert noted["lightrouter_scores"] == {c["candidate"]: c["score"] for c in candidates}
    assert [*noted["lightrouter_order"]] == [c["candidate"] for c in sorted(candidates, key=lambda c: c["rank"])]
    assert noted["lightrouter_dropped"] == {noted["lightrouter_order"][2]: "rank 3, below top_k = 2"}


def test_aggregate_says_what_became_of_each_and_what_it_cost(ingest, ask):
    pool = scripted(a=long("4"), b=ConnectionError("gone"), c=long("4"), price=PRICE)
    with ingest.traced():
        message = ask(create_lightrouter(pool).compile(), PAPER)
    noted, told = ingest.named("aggregate").metadata, decision(message)
    assert noted["lightrouter_outcomes"] == {"a": "answered", "b": "failed: disconnected: gone", "c": "answered"}
    assert noted["lightrouter_stopped_text"] == told["stopped_text"]
    assert noted["lightrouter_merged"] == told["merged"]
    assert noted["lightrouter_usd"] == told["bill"]["usd"] > 0


def test_tokens_are_counted_once(ingest, ask):
    with ingest.traced():
        message = ask(judged(PRICE), PAPER)
    assert not [run for run in ingest.runs if run.kind != "llm" and "usage_metadata" in run.metadata]
    assert not [run for run in ingest.runs if "usage_metadata" in run.fields["outputs"]]
    used = [run.metadata["usage_metadata"] for run in model_runs(ingest)]
    for key in ("input_tokens", "output_tokens", "total_tokens"):
        assert sum(usage[key] for usage in used) == message.usage_metadata[key]


@pytest.mark.parametrize(
    "settings", [Context(), Context(agree=None, calls={"boot_timeout_s": 0.05})], ids=["cancelled", "timed out"]
)
async def test_a_call_that_was_stopped_does_not_stay_pending(ingest, settings):
    with ingest.traced():
        await create_lightrouter(lost(Reply("", hang=True))).compile().ainvoke(ASKED, context=settings)
    run = ingest.named("boot:c")
    assert run.fields["end_time"]
    assert run.fields["error"].startswith("CancelledError")


def test_a_call_that_timed_out_is_ended_in_a_synchronous_run_too(ingest):
    with ingest.traced():
        graph = create_lightrouter(lost(Reply("", hang=True))).compile()
        graph.invoke(ASKED, context=Context(agree=None, calls={"boot_timeout_s": 0.05}))
    assert ingest.named("boot:c").fields["end_time"]


def test_a_router_inside_another_graph_is_part_of_its_trace(ingest, ask):
    outer = StateGraph(MessagesState)
    outer.add_node("answer", judged())
    outer.add_edge(START, "answer")
    with ingest.traced():
        message = ask(outer.compile(name="agent"))
    assert ingest.root.name == "agent"
    inner = ingest.named("lightrouter")
    assert decision(message)["trace"] == {"run": inner.id, "trace": ingest.root.id, "project": "test"}


@pytest.mark.parametrize("spec", ["vllm:qwen", "groq:openai/gpt-oss-20b", "deepseek:deepseek-chat", "openai:gpt-x"])
async def test_provider_and_model_are_told_and_the_key_is_not(ingest, spec):
    provider, _, model = spec.partition(":")
    record = {"question": QUESTION, "outputs": {model: {"text": "The answer is 4."}}}
    with RecordedModelServer([record], api_key=SECRET) as server, ingest.traced():
        env = {f"{provider.upper()}_API_KEY": SECRET}
        built = build_model(f"{spec}@{server.base_url}", env=env)
        plain = ChatOpenAI(model="unknown", base_url=server.base_url, api_key=SECRET, max_retries=0)
        pool = Pool([Candidate("built", built), Candidate("plain", plain)])
        message = (await create_lightrouter(pool).compile().ainvoke(ASKED))["messages"][-1]
    assert message.text == "The answer is 4."
    metadata = ingest.named("boot:built").metadata
    assert (metadata["ls_provider"], metadata["ls_model_name"]) == (provider, model)
    assert ingest.named("boot:plain").fields["error"]
    assert SECRET.encode() not in ingest.sent


async def test_a_key_that_a_provider_repeats_is_struck_by_the_clients_anonymizer(ingest):
    with RecordedModelServer([]) as server, ingest.traced(anonymizer=create_secret_anonymizer()):
        server.failures["a"] = Fail(status=401, message=f"Incorrect API key provided: {SECRET}")
        model = ChatOpenAI(model="a", base_url=server.base_url, api_key=SECRET, max_retries=0)
        pool = Pool([Candidate("a", model), *scripted(b="The answer is 4.", c="The answer is 4.")])
        await create_lightrouter(pool).compile().ainvoke(ASKED)
    assert ingest.named("boot:a").fields["error"]
    assert SECRET.encode() not in ingest.sent


def test_tracing_switched_off_inside_a_trace_adds_nothing_to_it(ingest, ask):
    @traceable(name="caller")
    def caller():
        with tracing_context(enabled=False):
            return ask(judged(), PAPER)

    with ingest.traced():
        message = caller()
    assert ingest.paths() == ["caller"]
    assert not [key for key in ingest.root.metadata if key.startswith("lightrouter")]
    assert "trace" not in decision(message)


SCRIPT = """
from lightrouter_graph import Pool, Candidate, create_lightrouter
from lightrouter_graph.testing import ScriptedChatModel
from langsmith import run_trees
graph = create_lightrouter(Pool([Candidate(n, ScriptedChatModel(responses="The answer is 4.")) for n in "ab"]))
answer = graph.compile(name="lightrouter").invoke({"messages": [("user", "?")]})["messages"][-1]
print("trace" in answer.response_metadata["lightrouter"], run_trees._CLIENT is not None)
if run_trees._CLIENT is not None:
    run_trees._CLIENT.flush()
"""


@pytest.mark.parametrize("on", [True, False])
def test_the_environment_alone_decides(ingest, on):
    names = {"LANGSMITH_ENDPOINT": ingest.url, "LANGSMITH_API_KEY": "lsv2-none", "LANGSMITH_PROJECT": "test"}
    env = {**os.environ, **names, "LANGSMITH_TRACING": "true" if on else "false"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.split() == [str(on), str(on)]
    assert [run.name for run in ingest.runs if run.parent is None] == ["lightrouter"] * on
    assert bool(ingest.requests) == on


def test_feedback_finds_the_run_of_an_answer(ingest, ask):
    with ingest.traced(project="mine"):
        message = ask(judged(), PAPER)
        feedback(message, score=0.75, comment="fine")
    (given,) = ingest.feedback
    assert (given["run_id"], given["trace_id"]) == (ingest.root.id, ingest.root.id)
    assert (given["key"], given["score"], given["comment"]) == ("lightrouter_score", 0.75, "fine")
    assert given["session_id"] == project_of("mine")["id"]


def test_feedback_takes_the_id_of_a_run(ingest, ask):
    with ingest.traced():
        ask(judged(), PAPER, run_id="01a2029b-9245-7250-821e-ad1693d226c0")
        feedback("01a2029b-9245-7250-821e-ad1693d226c0", score=1, key="solved")
    assert [(given["run_id"], given["key"]) for given in ingest.feedback] == [(ingest.root.id, "solved")]


def test_feedback_on_an_answer_that_was_not_traced_says_so(ask):
    with pytest.raises(LightRouterError, match="not traced"):
        feedback(ask(judged(), PAPER), score=1)


async def test_a_continued_answer_is_one_run_of_the_same_model(ingest):
    record = {"question": QUESTION, "outputs": {"qwen": {"text": long("4")}}}
    with RecordedModelServer([record]) as server, ingest.traced():
        built = Candidate("built", build_model(f"vllm:qwen@{server.base_url}"), continuation="continue_final_message")
        graph = create_lightrouter(Pool([built, *scripted(other=ValueError("no"))])).compile()
        message = (await graph.ainvoke(ASKED, context=PAPER))["messages"][-1]
    assert message.text == long("4")
    runs = [ingest.named("boot:built"), ingest.named("generate:built")]
    assert [run.metadata["ls_provider"] for run in runs] == ["vllm", "vllm"]
    assert [run.metadata["ls_model_name"] for run in runs] == ["qwen", "qwen"]
    assert sum(run.metadata["usage_metadata"]["total_tokens"] for run in runs) == message.usage_metadata["total_tokens"]
