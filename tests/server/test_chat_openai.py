"""LangChain's own client against a server on loopback."""

from collections.abc import Iterator

import httpx
import openai
import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel
from server.apps import model, served

from lightrouter_graph.server import create_app
from lightrouter_graph.testing import Reply

QUESTION = "How many apples are in the basket?"


class Count(BaseModel):
    """How many there are."""

    apples: int


@tool
def weather(city: str) -> str:
    """Return the weather."""
    return f"sun over {city}"


def agent(messages):
    if messages[-1].type == "tool":
        return f"There is {messages[-1].text}."
    return Reply("", [{"name": "weather", "args": {"city": "Bonn"}, "id": "call_1"}])


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    models = {
        "a": model("It is four."),
        "agent": model(agent),
        "json": model('{"apples": 4}'),
        "tool": model(Reply("", [{"name": "Count", "args": {"apples": 4}, "id": "call_1"}])),
    }
    with served(create_app(models=models)) as url:
        yield url


@pytest.fixture
async def chat(base_url):
    with httpx.Client(trust_env=False) as sync:
        async with httpx.AsyncClient(trust_env=False) as client:

            def chat(name="a", **settings):
                clients = {"http_client": sync, "http_async_client": client}
                return ChatOpenAI(model=name, base_url=base_url, api_key="x", max_retries=0, **clients, **settings)

            yield chat


async def test_invoke(chat):
    message = await chat(temperature=0, max_tokens=50).ainvoke(QUESTION)
    assert message.text == chat().invoke(QUESTION).text == "It is four."
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.usage_metadata["output_tokens"] > 0


async def test_stream(chat):
    chunks = [chunk async for chunk in chat(stream_usage=True).astream(QUESTION)]
    whole = sum(chunks[1:], chunks[0])
    assert whole.text == "It is four."
    assert len([chunk for chunk in chunks if chunk.text]) > 1
    assert whole.usage_metadata["output_tokens"] > 0
    assert whole.response_metadata["finish_reason"] == "stop"


@pytest.mark.parametrize("streaming", [True, False])
async def test_tools(chat, streaming):
    bound = chat("agent", streaming=streaming).bind_tools([weather])
    asked = [HumanMessage("Weather in Bonn?")]
    calling = await bound.ainvoke(asked)
    [call] = calling.tool_calls
    assert (call["name"], call["args"], call["id"]) == ("weather", {"city": "Bonn"}, "call_1")
    result = await weather.ainvoke(call)
    assert isinstance(result, ToolMessage)
    assert (await bound.ainvoke([*asked, calling, result])).text == "There is sun over Bonn."


@pytest.mark.parametrize(
    ("name", "method"), [("json", "json_schema"), ("json", "json_mode"), ("tool", "function_calling")]
)
async def test_structured_output(chat, name, method):
    structured = chat(name).with_structured_output(Count, method=method)
    assert await structured.ainvoke(QUESTION) == Count(apples=4)


async def test_errors(chat):
    with pytest.raises(openai.NotFoundError, match="served models are a, agent"):
        await chat("nobody").ainvoke(QUESTION)
    with pytest.raises(openai.BadRequestError, match="n is not supported"):
        await chat(n=2).ainvoke(QUESTION)
