"""The willing model, and the proof that a fake over HTTP is a chat model: langchain-tests over plain `ChatOpenAI`."""

import json
from enum import StrEnum
from typing import Literal
from unittest.mock import ANY

import httpx
import jsonschema
import pytest
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import JsonOutputParser
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests
from obliging import obliging
from pydantic import BaseModel, Field
from schema_filling import Facts, fill

from lightrouter_graph.testing import RecordedModelServer

NAME, OTHER = "willing", "also-willing"
KEY = "sk-of-nobody"


@pytest.fixture(scope="module")
def server():
    with RecordedModelServer(responders={NAME: obliging, OTHER: obliging}, api_key=KEY) as running:
        yield running


class OverHttp:
    """What both suites are told about the model."""

    @pytest.fixture(autouse=True)
    def at(self, server):
        self.params = {"model": NAME, "base_url": server.base_url, "api_key": KEY, "max_retries": 0}

    @property
    def chat_model_params(self):
        return self.params

    chat_model_class = ChatOpenAI
    has_tool_calling = True
    has_tool_choice = True
    has_structured_output = True
    supports_json_mode = True
    supports_model_override = True
    model_override_value = OTHER
    returns_usage_metadata = True


@pytest.mark.filterwarnings("ignore:Received a Pydantic BaseModel V1 schema:UserWarning")
class TestUnits(OverHttp, ChatModelUnitTests):
    @property
    def init_from_env_params(self):
        url = self.params["base_url"]
        env = {"OPENAI_API_KEY": KEY, "OPENAI_API_BASE": url}
        return env, {"model": NAME}, {"openai_api_key": KEY, "openai_api_base": url}

    @pytest.fixture
    def snapshot(self):
        """Accept whatever `ChatOpenAI` is serialized to: that is its own affair, and changes with its version."""
        return lambda name: ANY


# Both warnings are of `ChatOpenAI` and its SDK about schemas that the suite tries.
@pytest.mark.filterwarnings("ignore:Received a Pydantic BaseModel V1 schema:UserWarning")
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
class TestWhole(OverHttp, ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    async def clients(self, at):
        """Clients of this test's event loop: those that `ChatOpenAI` makes outlive it, open sockets and all."""
        async with httpx.AsyncClient(trust_env=False) as asynchronous:
            with httpx.Client(trust_env=False) as synchronous:
                self.params |= {"http_async_client": asynchronous, "http_client": synchronous, "stream_usage": True}
                yield


# tools -----------------------------------------------------------------------------------------------------


def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def get_weather(place: str, days: int = 1, unit: Literal["celsius", "kelvin"] = "celsius") -> str:
    """Get the weather."""
    return f"{place} {days} {unit}"


def now() -> str:
    """Tell the time."""
    return "noon"


def ask(question, *after, tools=(add, get_weather, now), choice=None, **body):
    """What the model does: the calls of tools as (name, arguments), else its text."""
    offered = {"tools": [convert_to_openai_tool(tool) for tool in tools]} if tools else {}
    chosen = {} if choice is None else {"tool_choice": choice}
    said = obliging({"messages": [{"role": "user", "content": question}, *after], **offered, **chosen, **body})
    return [(call["name"], call["args"]) for call in said.tool_calls] if isinstance(said, AIMessage) else said


@pytest.mark.parametrize(
    ("question", "calls"),
    [
        ("What is add(3, -4)?", [("add", {"a": 3, "b": -4})]),
        ("Please add 1 to 2.", [("add", {"a": 1, "b": 2})]),
        ("What is the weather in San Francisco, CA?", [("get_weather", {"place": "San Francisco, CA"})]),
        (
            "Weather in Paris for 3 days, in kelvin?",
            [("get_weather", {"place": "Paris", "days": 3, "unit": "kelvin"})],
        ),
        ("The weather at '東京 (Tokyo)'?", [("get_weather", {"place": "東京 (Tokyo)"})]),
        ("weather?", [("get_weather", {"place": "weather?"})]),
        ("What is it now? Use the tool.", [("now", {})]),
        (
            "Run now(), and add(1, 2) and add(3, 4).",
            [("now", {}), ("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4})],
        ),
        (
            "The weather in Paris and in Rome?",
            [("get_weather", {"place": "Paris"}), ("get_weather", {"place": "Rome"})],
        ),
        ("Please add 1 to 2 and 3 to 4.", [("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4})]),
        (
            "Add 1 and 2, tell the weather in Rome.",
            [("add", {"a": 1, "b": 2}), ("get_weather", {"place": "Rome", "days": 1})],
        ),
    ],
)
def test_tools_that_a_question_asks_for_are_called_with_its_facts(question, calls):
    assert ask(question) == calls


def test_a_choice_forces_and_forbids():
    named = {"type": "function", "function": {"name": "now"}}
    assert ask("Hello!", choice="required") == [("add", {"a": 1, "b": 1})]
    assert ask("Hello!", choice=named) == ask("Weather in Paris and Rome?", choice=named) == [("now", {})]
    assert ask("Weather in Paris and Rome?", parallel_tool_calls=False) == [("get_weather", {"place": "Paris"})]
    for forbidden in (ask("Weather in Paris?", choice="none"), ask("Weather in Paris?", tools=()), ask("Hello!")):
        assert isinstance(forbidden, str)


def test_results_are_passed_on_and_a_new_question_is_a_new_one():
    called = {"role": "assistant", "content": None, "tool_calls": []}
    results = [
        {"role": "tool", "tool_call_id": "1", "content": "Sunny."},
        {"role": "tool", "content": [{"text": "Wet."}]},
    ]
    assert ask("Weather in Paris and Rome?", called, *results) == "The result is: Sunny. and Wet."
    again = [*results, {"role": "assistant", "content": "So so."}, {"role": "user", "content": "Weather in Oslo?"}]
    assert ask("Weather in Paris?", called, *again) == [("get_weather", {"place": "Oslo"})]
    assert ask("Weather in Paris?", called, *results, choice="required") == [("get_weather", {"place": "Paris"})]


# JSON ------------------------------------------------------------------------------------------------------


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    name: str = Field(min_length=3, max_length=5)
    colour: Colour
    parts: list["Part"] = []
    parent: "Part | None"


class Order(BaseModel):
    parts: list[Part] = Field(min_length=2)
    numbers: list[int]
    colours: list[Colour]
    share: float = Field(gt=0, lt=1)
    dozens: int = Field(ge=20, multiple_of=12)
    urgent: bool
    kind: Literal["order"]
    limit: int | None
    note: str | None = None
    extra: dict[str, int]


class Node(BaseModel):
    name: str
    children: list["Node"]


@pytest.mark.parametrize("model", [Order, Node])
@pytest.mark.parametrize("question", ["", "Order 3 blue parts and 5 of 'wood' without hurry, share 0.25.", "'a' 'b'"])
def test_any_schema_is_fitted_without_facts_and_with_them(model, question):
    schema = model.model_json_schema()
    filled = fill(schema, Facts.read(question))
    jsonschema.validate(filled, schema)
    assert filled == fill(schema, Facts.read(question))


def test_facts_go_where_they_fit():
    filled = fill(Order.model_json_schema(), Facts.read("Order 36 blue pieces of 'wood' not too fast: 0.25, 5 and 7."))
    assert (filled["parts"][0]["name"], filled["parts"][0]["colour"]) == ("wood", "blue")
    assert (filled["numbers"], filled["share"], filled["urgent"]) == ([36, 5, 7], 0.25, False)
    assert "note" not in filled


def test_json_is_written_to_the_schema_of_the_request():
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert ask("what of Łódź?", response_format=wanted) == '{"city": "what of Łódź?"}'
    assert json.loads(ask("Life in Rome?", response_format=wanted)) == {"city": "Rome"}


@pytest.mark.parametrize(
    ("question", "keys"),
    [
        ("A joke as JSON with 'setup' and \"punchline\" keys.", ["setup", "punchline"]),
        ("Answer in JSON.", ["answer"]),
        (JsonOutputParser(pydantic_object=Node).get_format_instructions(), ["name", "children"]),
    ],
)
def test_in_json_mode_the_keys_are_found_in_the_words(question, keys):
    assert list(json.loads(ask(question, response_format={"type": "json_object"}))) == keys


def test_a_schema_may_stand_in_the_system_message():
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    messages = [
        {"role": "system", "content": f"Write JSON like {json.dumps(schema)}."},
        {"role": "user", "content": "7!"},
    ]
    assert obliging({"messages": messages, "response_format": {"type": "json_object"}}) == '{"n": 7}'
