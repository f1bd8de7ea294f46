"""Requests: formats of tools and schemas, and validation of replies."""

import json
import re
import socket
from contextlib import suppress
from itertools import repeat
from typing import Annotated, Literal

import pytest
from helpers import scripted
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field, RootModel, field_validator
from referencing.exceptions import Unresolvable
from typing_extensions import TypedDict

from lightrouter_graph import Candidate, Pool, PoolError, QueryError, default_key
from lightrouter_graph.llm.output_schema import OutputSchema
from lightrouter_graph.llm.request import PLAIN, Request, check_pool, make_request
from lightrouter_graph.llm.tool_calls import render_reply, tool_call_message_of
from lightrouter_graph.testing import ScriptedChatModel


@tool
def weather(city: str, days: int = 1) -> str:
    """Return the weather of a city."""
    return f"sunny in {city} for {days}"


def clock(zone: str) -> str:
    """Return the time.

    Args:
        zone: The time zone.
    """
    return zone


class Search(BaseModel):
    """Search the web."""

    query: str


SEARCH_DICT = {
    "type": "function",
    "function": {"name": "find", "parameters": {"type": "object", "properties": {"q": {"type": "string"}}}},
}
ANTHROPIC_DICT = {"name": "find", "description": "Find it.", "input_schema": {"type": "object", "properties": {}}}
HOSTED = {"type": "web_search"}


def names(request):
    return [shape.get("function", {}).get("name") for shape in request.tools]


def calling(*calls, text=""):
    made = [{"name": name, "args": args, "id": str(n), "type": "tool_call"} for n, (name, args) in enumerate(calls)]
    return AIMessage(text, tool_calls=made)


def problem(request, message):
    """Return the failure message for a reply; "" if it is valid."""
    failure = request.failure_of(message)
    assert failure is None or failure["cause"] == "invalid"
    return "" if failure is None else failure["message"]


# tools -----------------------------------------------------------------------------------------------------


def test_tools_are_accepted_in_every_format_of_langchain():
    assert names(make_request(tools=[weather, clock, Search, SEARCH_DICT])) == ["weather", "clock", "Search", "find"]
    assert names(make_request(tools=[ANTHROPIC_DICT])) == ["find"]
    assert make_request(tools=[HOSTED]).tools == (HOSTED,)


@pytest.mark.parametrize("what", [3, {"parameters": {}}, "weather", None])
def test_an_invalid_tool_is_named(what):
    with pytest.raises(QueryError, match=r"a tool must be a function.*" + re.escape(repr(what))):
        make_request(tools=[what])


@pytest.mark.parametrize(
    ("choice", "word"),
    [
        (None, None),
        (False, None),
        ("auto", "auto"),
        ("none", "none"),
        ("any", "any"),
        ("required", "any"),
        (True, "any"),
        ("weather", "weather"),
        ({"type": "function", "function": {"name": "weather"}}, "weather"),
        ({"type": "function", "name": "weather"}, "weather"),
        ({"type": "tool", "name": "weather"}, "weather"),
        ({"type": "any"}, "any"),
        ({"type": "auto"}, "auto"),
        ({"type": "none"}, "none"),
    ],
)
def test_a_tool_choice_in_any_format_becomes_a_string(choice, word):
    assert make_request(tools=[weather, clock], tool_choice=choice).tool_choice == word


def test_true_selects_the_only_tool():
    assert make_request(tools=[weather], tool_choice=True).tool_choice == "weather"


@pytest.mark.parametrize("choice", ["find", {"type": "tool", "name": "find"}])
def test_an_unknown_choice_is_named_with_the_tools(choice):
    with pytest.raises(QueryError, match=r"'find'.*weather, clock"):
        make_request(tools=[weather, clock], tool_choice=choice)


@pytest.mark.parametrize("choice", [None, False, "auto", "none"])
def test_without_tools_auto_and_none_are_no_choice(choice):
    assert make_request(tool_choice=choice) == PLAIN


@pytest.mark.parametrize("choice", ["any", "required", True])
def test_a_call_cannot_be_forced_without_a_tool(choice):
    with pytest.raises(QueryError):
        make_request(tool_choice=choice)


def test_a_tool_of_the_provider_can_be_chosen():
    request = make_request(tools=[weather, HOSTED], tool_choice={"type": "web_search"})
    assert wire(request)["tool_choice"] == HOSTED


def test_a_tool_in_anthropics_format_is_unchanged():
    hosted = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    assert make_request(tools=[hosted]).tools == (hosted,)


# to the models ---------------------------------------------------------------------------------------------


def wire(request, **settings):
    """Return what ChatOpenAI would send for a request."""
    model = ChatOpenAI(model="any", api_key="none", **settings)
    bound = request.bind_to(model)
    return model._get_request_payload("Hi", **getattr(bound, "kwargs", {}))


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (True, "required"),
        ("required", "required"),
        ("any", "required"),
        ("auto", "auto"),
        ("none", "none"),
        ("clock", {"type": "function", "function": {"name": "clock"}}),
        ({"type": "tool", "name": "clock"}, {"type": "function", "function": {"name": "clock"}}),
    ],
)
def test_openai_is_sent_a_choice_it_understands(choice, sent):
    assert wire(make_request(tools=[weather, clock], tool_choice=choice))["tool_choice"] == sent


def test_openai_is_sent_no_choice_by_default():
    sent = wire(make_request(tools=[weather]))
    assert sent["tools"] == [convert_to_openai_tool(weather)]
    assert not {"tool_choice", "parallel_tool_calls"} & sent.keys()


@pytest.mark.parametrize("parallel", [True, False])
def test_parallel_calls_are_allowed_or_forbidden(parallel):
    assert wire(make_request(tools=[weather], parallel_tool_calls=parallel))["parallel_tool_calls"] is parallel


def test_without_tools_parallel_tool_calls_is_not_sent():
    model = ChatOpenAI(model="any", api_key="none")
    assert make_request(parallel_tool_calls=False).bind_to(model) is model


def test_strict_tools_stay_strict():
    shape = convert_to_openai_tool(Search, strict=True)
    assert wire(make_request(tools=[shape]))["tools"] == [shape]


def test_a_model_that_changes_its_tools_does_not_change_the_request():
    class Meddler(ScriptedChatModel):
        def bind_tools(self, tools, **kwargs):
            tools[0]["function"] = "gone"
            tools.clear()
            return super().bind_tools([], **kwargs)

    request = make_request(tools=[weather])
    request.bind_to(Meddler(responses="Hi"))
    assert names(request) == ["weather"]


class AnthropicLike(ScriptedChatModel):
    """Reads `tool_choice` as `ChatAnthropic.bind_tools` does: any value but "any" and "auto" is a tool name."""

    @property
    def _llm_type(self):
        return "anthropic-chat"

    def bind_tools(self, tools, *, tool_choice=None, **kwargs):
        if isinstance(tool_choice, str):
            known = {"type": tool_choice} if tool_choice in {"any", "auto"} else {"type": "tool", "name": tool_choice}
            tool_choice = known
        return super().bind_tools(tools, tool_choice=tool_choice, **kwargs)


def test_choice_none_is_no_tool_name_for_anthropic():
    bound = make_request(tools=[weather]).without_calls().bind_to(AnthropicLike(responses="Hi"))
    assert bound.kwargs.get("tool_choice") in (None, {"type": "none"})


def test_a_request_without_calls_declares_the_tools_and_forbids_calls():
    words = make_request(tools=[weather], tool_choice="any", sampling={"temperature": 0}).without_calls()
    assert (names(words), words.tool_choice, words.sampling) == (["weather"], "none", {"temperature": 0})
    assert PLAIN.without_calls() == PLAIN


def test_a_request_without_calls_keeps_the_stop_texts():
    assert make_request(tools=[weather], stop=["END"]).without_calls().stop == ("END",)


def test_calls_and_constrained_json_are_never_continued():
    assert PLAIN.continues
    assert not make_request(tools=[weather]).continues
    assert not make_request(response_format=Search).continues


# the pool --------------------------------------------------------------------------------------------------


class Mute(GenericFakeChatModel):
    """A model without `bind_tools`."""


def test_candidates_that_cannot_call_tools_are_named():
    mute = [Candidate(name, Mute(messages=repeat(AIMessage("4")))) for name in "bd"]
    able = list(scripted(a="4", c="4"))
    pool = Pool([able[0], mute[0], able[1], mute[1]])
    check_pool(PLAIN, pool)
    check_pool(make_request(response_format=Search), pool)
    with pytest.raises(PoolError, match=r"cannot call any.*: b, d$"):
        check_pool(make_request(tools=[weather]), pool)


# formats ---------------------------------------------------------------------------------------------------


class Address(BaseModel):
    street: str
    zip: str | None = None


class Person(BaseModel):
    """A person."""

    name: str
    age: int = Field(ge=0)
    kind: Literal["friend", "foe"] = "friend"
    home: Address | None = None
    pets: list[Address] = []


class PersonDict(TypedDict):
    """A person."""

    name: Annotated[str, ..., "The name."]
    age: int


PERSON_SCHEMA = {
    "title": "Person",
    "type": "object",
    "properties": {"name": {"type": "string"}, "home": {"$ref": "#/$defs/Home"}},
    "required": ["name"],
    "$defs": {"Home": {"type": "object", "properties": {"street": {"type": "string"}}, "required": ["street"]}},
}
OPENAI_FORMAT = {"type": "json_schema", "json_schema": {"name": "Person", "schema": PERSON_SCHEMA, "strict": True}}


def asking_for(wanted):
    return make_request(response_format=wanted)


@pytest.mark.parametrize("wanted", [Person, PersonDict, PERSON_SCHEMA, OPENAI_FORMAT])
def test_a_response_format_is_accepted_in_every_form(wanted):
    request = asking_for(wanted)
    assert request.wants_object
    assert request.schema.name in {"Person", "PersonDict"}
    assert problem(request, AIMessage('{"name": "Ann", "age": 7}')) == ""
    assert "name" in problem(request, AIMessage('{"age": 7}'))


def test_the_text_format_has_no_schema():
    assert asking_for({"type": "text"}) == PLAIN


def test_json_mode_accepts_any_object():
    request = asking_for({"type": "json_object"})
    assert request.schema.is_free
    assert problem(request, AIMessage('{"any": ["thing"]}')) == ""
    assert problem(request, AIMessage("[1, 2]")) == "it is not a JSON object"


def test_a_tool_can_be_the_response_format():
    shape = convert_to_openai_tool(Person)
    assert "age" in problem(asking_for(shape), AIMessage('{"name": "Ann"}'))


@pytest.mark.parametrize(
    "wanted",
    [{"type": "grammar"}, {"type": "json_schema"}, 7, "Person", {}, int],
    ids=str,
)
def test_an_invalid_response_format_is_named(wanted):
    with pytest.raises(QueryError, match="response_format"):
        asking_for(wanted)


def test_an_invalid_schema_is_named():
    with pytest.raises(QueryError, match="no JSON schema"):
        asking_for({"title": "T", "type": "object", "properties": {"a": {"type": "intger"}}})


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Ann", "age": 7},
        {"name": "Ann", "age": 7.0},
        {"name": "Ann", "age": 7, "home": None},
        {"name": "Ann", "age": 7, "home": {"street": "High", "zip": None}, "pets": [{"street": "Low"}]},
    ],
)
def test_nested_optional_and_list_fields_are_valid(fields):
    assert problem(asking_for(Person), AIMessage(json.dumps(fields))) == ""


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"age": 7}, "'name' is a required property"),
        ({"name": "Ann", "age": "seven"}, "age: "),
        ({"name": "Ann", "age": -1}, "age: -1 is less than the minimum"),
        ({"name": "Ann", "age": 7, "kind": "stranger"}, "kind: "),
        ({"name": "Ann", "age": 7, "pets": [{"street": "Low"}, {"street": 3}]}, "pets[1].street: "),
    ],
)
def test_a_validation_error_has_the_path(fields, error):
    assert error in problem(asking_for(Person), AIMessage(json.dumps(fields)))


def test_a_validation_error_in_a_union_has_the_path():
    fields = {"name": "Ann", "age": 7, "home": {"zip": "1"}}
    assert problem(asking_for(Person), AIMessage(json.dumps(fields))).startswith("home: ")


def test_a_reference_is_followed():
    assert problem(asking_for(PERSON_SCHEMA), AIMessage('{"name": "A", "home": {"street": "High"}}')) == ""
    assert "street" in problem(asking_for(PERSON_SCHEMA), AIMessage('{"name": "A", "home": {}}'))


def test_a_validation_error_is_short():
    request = asking_for({"title": "T", "type": "object", "properties": {"a": {"type": "integer"}}})
    assert len(problem(request, AIMessage(json.dumps({"a": "x" * 10_000})))) <= 200


@pytest.mark.parametrize("wrap", ["{}", " {}\n", "```json\n{}\n```", "```\n{}\n```", "Here it is:\n```json\n{}\n```"])
def test_fences_around_json_are_tolerated(wrap):
    assert problem(asking_for(Person), AIMessage(wrap.replace("{}", '{"name": "Ann", "age": 7}'))) == ""


def test_text_behind_the_fence_is_tolerated():
    text = '```json\n{"name": "Ann", "age": 7}\n```\nLet me know if you need more.'
    assert problem(asking_for(Person), AIMessage(text)) == ""


@pytest.mark.parametrize("text", ["Ann is 7.", '{"name": "Ann", "age": ', '{"name": "Ann", "age": 7} and more', "```"])
def test_text_that_is_not_json_is_invalid(text):
    assert problem(asking_for(Person), AIMessage(text)) == "it is not JSON"


def test_a_tool_call_needs_no_json_text():
    request = make_request(tools=[weather], response_format=Person)
    assert problem(request, calling(("weather", {"city": "Rome"}), text="Let me look.")) == ""
    assert problem(request, AIMessage("It is sunny.")) == "it is not JSON"


SHAPES = {
    "reference": ({"title": "T", "$ref": "#/$defs/A", "$defs": {"A": PERSON_SCHEMA["$defs"]["Home"]}}, "{}"),
    "union": ({"title": "T", "anyOf": [PERSON_SCHEMA["$defs"]["Home"], {"type": "null"}]}, "{}"),
    "list": ({"title": "T", "type": "array", "items": {"type": "integer"}}, '["x"]'),
    "enum": ({"title": "T", "enum": ["yes", "no"]}, '"perhaps"'),
    "openai's inner part": ({"name": "T", "schema": PERSON_SCHEMA}, "{}"),
    "map": ({"title": "T", "type": "object", "additionalProperties": {"type": "integer"}}, '{"a": "x"}'),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_schema_of_every_format_is_enforced(shape):
    wanted, unfit = SHAPES[shape]
    assert problem(asking_for(wanted), AIMessage(unfit))


def test_a_list_may_be_the_root():
    assert problem(asking_for(RootModel[list[int]]), AIMessage('["x"]'))


class Tree(BaseModel):
    value: int
    children: list["Tree"] = []


def test_a_recursive_schema_is_validated_at_any_depth():
    assert problem(asking_for(Tree), AIMessage('{"value": 1, "children": [{"value": "x"}]}'))


def test_a_schema_without_a_title_is_a_schema():
    assert asking_for({"type": "object", "properties": {"a": {"type": "integer"}}}).schema.name == "answer"


def pointing_to(reference):
    return {"title": "T", "type": "object", "properties": {"a": {"$ref": reference}}}


@pytest.mark.parametrize("reference", ["#/$defs/Missing", "https://example.invalid/schema.json"])
def test_an_unresolvable_reference_is_an_error_at_build_time(reference):
    with pytest.raises(QueryError):
        asking_for(pointing_to(reference))


@pytest.mark.filterwarnings("ignore:Automatically retrieving remote references")
def test_a_remote_reference_is_never_fetched():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/schema.json"
        with suppress(QueryError, Unresolvable):
            problem(asking_for(pointing_to(address)), AIMessage('{"a": 1}'))
        with pytest.raises(BlockingIOError):  # no connection was opened
            listening.accept()


class Even(BaseModel):
    number: int

    def model_post_init(self, context):
        if self.number % 2:
            raise ValueError("odd")


def test_the_validators_of_a_class_run():
    assert problem(asking_for(Even), AIMessage('{"number": 3}'))


# calls -----------------------------------------------------------------------------------------------------

OFFERED = make_request(tools=[weather, clock])


def test_a_call_of_an_offered_tool_is_valid():
    assert problem(OFFERED, calling(("weather", {"city": "Rome"}), ("clock", {"zone": "CET"}))) == ""


def test_a_tool_that_was_not_offered_is_named_with_the_tools():
    error = problem(OFFERED, calling(("weather", {"city": "Rome"}), ("nuke", {})))
    assert error == "it calls 'nuke'; the tools are weather, clock"


def test_arguments_that_are_not_json_are_named():
    broken = {"name": "clock", "args": '{"zone": ', "id": "1", "error": None, "type": "invalid_tool_call"}
    whole = calling(("weather", {"city": "Rome"})).tool_calls
    assert problem(OFFERED, AIMessage("", invalid_tool_calls=[broken])) == "the arguments of clock are not JSON"
    assert problem(OFFERED, AIMessage("", tool_calls=whole, invalid_tool_calls=[broken]))


def test_arguments_are_not_validated_against_the_tool():
    """The tool itself reports invalid arguments, and an agent returns that to the model."""
    assert problem(OFFERED, calling(("weather", {"town": "Rome"}))) == ""


def test_beside_a_tool_of_the_provider_any_name_may_be_called():
    assert problem(make_request(tools=[weather, HOSTED]), calling(("web_search", {}))) == ""


@pytest.mark.parametrize("wrong", [{"town": "Rome"}, {"city": 3}, {"city": "Rome", "days": "two"}])
def test_arguments_of_a_structured_output_are_validated(wrong):
    request = make_request(tools=[weather], tool_choice="weather", structured=True)
    assert problem(request, calling(("weather", {"city": "Rome"}))) == ""
    assert problem(request, calling(("weather", wrong))).startswith("weather: ")


@pytest.mark.parametrize(
    "request_",
    [
        make_request(tools=[weather], tool_choice="weather", structured=True),
        make_request(tools=[weather], tool_choice="any"),
        make_request(tools=[weather, clock], tool_choice="weather"),
    ],
    ids=["structured", "any", "named"],
)
def test_a_text_is_invalid_if_a_call_is_required(request_):
    assert problem(request_, AIMessage("It is sunny in Rome."))


def test_another_tool_is_invalid_if_one_is_required():
    request = make_request(tools=[weather, clock], tool_choice="weather")
    assert problem(request, calling(("clock", {"zone": "CET"})))


# comparing -------------------------------------------------------------------------------------------------


def compared(request, text="", tool_call_message=None, *, finished=True):
    return request.key_of(text, tool_call_message, "How many?", default_key, finished=finished)


def test_texts_are_compared_by_key_and_calls_by_name_and_arguments():
    assert compared(OFFERED, "The answer is 4.") == "4"
    one, other = calling(("weather", {"city": "Rome"})), calling(("weather", {"city": "Rome"}), text="Let me look.")
    assert compared(OFFERED, "", tool_call_message_of(one)) == compared(
        OFFERED, other.text, tool_call_message_of(other)
    )


def test_objects_are_compared_by_field_without_the_text_around_them():
    request = asking_for(Person)
    fenced = compared(request, '```json\n{"age": 7.0, "name": "Ann"}\n```')
    assert fenced == compared(request, '{"name": "Ann", "age": 7}')


def test_an_unfinished_object_is_not_compared():
    assert compared(asking_for(Person), '{"name": "A', finished=False) is None


def test_an_unreadable_object_is_not_compared():
    assert compared(asking_for(Person), '{"name": "A') is None


# records and text form -------------------------------------------------------------------------------------


def test_a_text_reply_has_no_tool_call_message():
    assert tool_call_message_of(AIMessage("It is 4.")) is None


def test_a_tool_call_message_keeps_blocks_ids_and_provider_data():
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}},
    ]
    called = [{"name": "weather", "args": {"city": "Rome"}, "id": "toolu_1", "type": "tool_call"}]
    extras = {"reasoning_content": "hm", "tool_calls": [{"id": "toolu_1", "type": "function", "function": {}}]}
    metadata = {"model_provider": "anthropic", "stop_reason": "tool_use"}
    kept = tool_call_message_of(
        AIMessage(content, tool_calls=called, additional_kwargs=extras, response_metadata=metadata)
    )
    assert kept == {
        "content": content,
        "tool_calls": called,
        "additional_kwargs": {"reasoning_content": "hm"},
        "response_metadata": {"model_provider": "anthropic"},
    }


def test_a_rendered_reply_shows_text_and_calls():
    made = calling(("weather", {"city": "Zürich"}), ("clock", {}), text="Let me look.")
    rendered = 'Let me look.\n[calls weather({"city": "Zürich"})]\n[calls clock({})]'
    assert render_reply(made.text, tool_call_message_of(made)) == rendered
    assert render_reply("It is 4.", None) == "It is 4."
    assert render_reply("", tool_call_message_of(calling(("clock", {})))) == "[calls clock({})]"


def test_a_request_is_plain_by_default():
    assert make_request() == Request() == PLAIN
    assert not PLAIN.wants_object
    assert make_request(stop="END", sampling={"temperature": None, "top_p": 0.5}) == Request(
        stop=("END",), sampling={"top_p": 0.5}
    )


def test_an_empty_schema_is_free():
    assert OutputSchema("any", {}).is_free
    assert not OutputSchema("Person", PERSON_SCHEMA).is_free


def test_a_schema_that_expands_without_end_is_rejected_at_once():
    defs = {f"L{n}": {"allOf": [{"$ref": f"#/$defs/L{n + 1}"}] * 2} for n in range(60)} | {"L60": {"type": "object"}}
    with pytest.raises(QueryError, match="more than 10000 parts"):
        asking_for({"$ref": "#/$defs/L0", "$defs": defs})


def test_patterns_are_not_evaluated():
    request = asking_for({"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}})
    assert problem(request, AIMessage(json.dumps({"a": "a" * 60 + "!"}))) == ""


class Touchy(BaseModel):
    value: int

    @field_validator("value")
    @classmethod
    def _look_up(cls, value):
        return {1: "one"}[value]


def test_any_exception_of_a_validator_makes_the_reply_invalid():
    assert "2" in problem(asking_for(Touchy), AIMessage('{"value": 2}'))


def test_a_reply_that_is_nested_too_deep_is_invalid():
    assert problem(asking_for({"type": "json_object"}), AIMessage("[" * 100_000 + "]" * 100_000))


def test_a_ref_inside_of_an_example_is_no_reference():
    wanted = {"type": "object", "properties": {"a": {"examples": [{"$ref": "#/nowhere"}]}}}
    assert problem(asking_for(wanted), AIMessage('{"a": 1}')) == ""


@pytest.mark.parametrize("arguments", [{"structured": True}, {"tool_choice": {"type": "function", "function": "tool"}}])
def test_a_contradictory_request_is_an_error(arguments):
    with pytest.raises(QueryError):
        make_request(**arguments)
