"""A chat model in LangSmith: one model run with all the tokens, and below or beside it what went on inside."""

import pytest
from helpers import QUESTION, decision, long, scripted
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langsmith_ingest import LangSmithIngest

from lightrouter_graph import ChatLightRouter, Context

MERGED = Context(boot_tokens=5, top_k=2, agree=None, aggregator="llm")


@pytest.fixture
def ingest():
    with LangSmithIngest() as running:
        yield running


def chat():
    return ChatLightRouter(pool=scripted(a=long("4"), b=long("5")), context=MERGED)


def counted(ingest):
    """Add up the tokens of all model runs, as LangSmith does."""
    return sum(
        run.metadata.get("usage_metadata", {}).get("total_tokens", 0) for run in ingest.runs if run.kind == "llm"
    )


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
async def test_tokens_are_counted_once(ingest, way):
    with ingest.traced():
        if way == "invoke":
            answer = chat().invoke(QUESTION)
        elif way == "ainvoke":
            answer = await chat().ainvoke(QUESTION)
        else:
            model = chat()
            chunks = list(model.stream(QUESTION)) if way == "stream" else [c async for c in model.astream(QUESTION)]
            answer = sum(chunks[1:], chunks[0])
    assert counted(ingest) == answer.usage_metadata["total_tokens"] > 0
    assert [run.name for run in ingest.runs if run.kind == "llm"] == ["ChatLightRouter"]


async def test_the_calls_inside_are_steps_with_their_names_tags_and_models(ingest):
    with ingest.traced():
        answer = await chat().ainvoke(QUESTION)
    inside = {run.name: run for run in ingest.runs if ":" in run.name}
    merged_by = decision(answer)["merged_by"]
    assert set(inside) == {"boot:a", "boot:b", "generate:a", "generate:b", f"aggregate:{merged_by}"}
    assert {run.kind for run in inside.values()} == {"chain"}
    assert "lightrouter:boot" in inside["boot:a"].tags
    assert inside["boot:a"].metadata["lightrouter_candidate"] == "a"
    paths = ingest.paths()
    assert "ChatLightRouter > lightrouter > boot > boot a > boot:a" in paths


async def test_the_run_of_the_chat_model_names_itself(ingest):
    with ingest.traced():
        await chat().ainvoke(QUESTION)
    (run,) = [run for run in ingest.runs if run.kind == "llm"]
    assert (run.metadata["ls_provider"], run.metadata["ls_model_name"]) == ("lightrouter", "lightrouter")


@pytest.mark.parametrize("way", ["ainvoke", "astream"])
async def test_in_an_agent_everything_is_one_trace(ingest, way):
    agent = create_agent(chat(), tools=[])
    with ingest.traced():
        asked = {"messages": [HumanMessage(QUESTION)]}
        if way == "ainvoke":
            await agent.ainvoke(asked)
        else:
            assert [part async for part in agent.astream(asked, stream_mode="messages")]
    assert {run.fields["trace_id"] for run in ingest.runs} == {ingest.root.id}
    assert any(path.endswith("lightrouter > boot > boot a > boot:a") for path in ingest.paths())
    assert all(run.fields.get("end_time") for run in ingest.runs)
