"""The official client against a server on loopback: what its users call, and the errors they catch."""

import json
from collections.abc import Iterator

import openai
import pytest
from pydantic import BaseModel
from server.apps import DECISION, QUESTION, WEATHER, model, routed, served

from lightrouter_graph import ContextError, NoSurvivorError
from lightrouter_graph.server import create_app
from lightrouter_graph.testing import Reply

KEY = "a-key-of-the-desk"


class City(BaseModel):
    """What the structured answers hold."""

    name: str
    people: int


def weather(messages):
    """Call the tool, then answer with its result."""
    last = messages[-1]
    if last.type == "tool":
        return f"In Bonn: {last.text}."
    calls = [{"name": "weather", "args": {"city": city}, "id": f"call_{city}"} for city in ("Bonn", "Köln")]
    return Reply("", calls)


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    models = {
        "a": model(routed("It is four.")),
        "agent": model(weather),
        "city": model('{"name": "Bonn", "people": 340000}'),
        "busy": model(NoSurvivorError(layer=1, failures={"x": "rate_limited: slow down"})),
        "down": model(NoSurvivorError(layer=1, failures={"x": "auth: no", "y": "timeout: late"})),
        "strict": model(ContextError("top_k = 0: must be at least 1")),
        "breaks": model(Reply("It is", error=NoSurvivorError(layer=1, failures={"x": "disconnected: gone"}))),
    }
    with served(create_app(models=models, api_key=KEY)) as url:
        yield url


@pytest.fixture
def sdk(base_url) -> Iterator[openai.OpenAI]:
    http = openai.DefaultHttpxClient(trust_env=False)
    with openai.OpenAI(base_url=base_url, api_key=KEY, max_retries=0, http_client=http) as client:
        yield client


@pytest.fixture
async def async_sdk(base_url):
    http = openai.DefaultAsyncHttpxClient(trust_env=False)
    async with openai.AsyncOpenAI(base_url=base_url, api_key=KEY, max_retries=0, http_client=http) as client:
        yield client


def test_an_answer(sdk):
    completion = sdk.chat.completions.create(model="a", messages=QUESTION, temperature=0, max_completion_tokens=50)
    assert completion.choices[0].message.content == "It is four."
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    assert completion._request_id == completion.id


async def test_an_answer_without_blocking(async_sdk):
    completion = await async_sdk.chat.completions.create(model="a", messages=QUESTION)
    assert completion.choices[0].message.content == "It is four."


def test_a_stream(sdk):
    streamed = sdk.chat.completions.create(
        model="a", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = streamed
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "It is four."
    assert last.usage.completion_tokens > 0


async def test_a_stream_without_blocking(async_sdk):
    streamed = await async_sdk.chat.completions.create(model="a", messages=QUESTION, stream=True)
    assert "".join([chunk.choices[0].delta.content or "" async for chunk in streamed]) == "It is four."


def test_the_stream_helper_puts_the_pieces_together(sdk):
    with sdk.chat.completions.stream(model="agent", messages=QUESTION, tools=[WEATHER]) as streamed:
        events = [event.type for event in streamed]
        final = streamed.get_final_completion()
    assert events.count("tool_calls.function.arguments.done") == 2
    assert [call.id for call in final.choices[0].message.tool_calls] == ["call_Bonn", "call_Köln"]


@pytest.mark.parametrize("streaming", [True, False])
def test_a_tool_loop_over_two_turns(sdk, streaming):
    def ask(messages):
        if not streaming:
            return sdk.chat.completions.create(model="agent", messages=messages, tools=[WEATHER])
        with sdk.chat.completions.stream(model="agent", messages=messages, tools=[WEATHER]) as streamed:
            return streamed.get_final_completion()

    first = ask(QUESTION).choices[0]
    assert first.finish_reason == "tool_calls"
    cities = [json.loads(call.function.arguments)["city"] for call in first.message.tool_calls]
    assert cities == ["Bonn", "Köln"]
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"sun over {city}"}
        for call, city in zip(first.message.tool_calls, cities, strict=True)
    ]
    second = ask([*QUESTION, first.message, *results]).choices[0]
    assert second.finish_reason == "stop"
    assert second.message.content == "In Bonn: sun over Köln."


def test_a_structured_answer(sdk):
    completion = sdk.chat.completions.parse(model="city", messages=QUESTION, response_format=City)
    assert completion.choices[0].message.parsed == City(name="Bonn", people=340000)


def test_settings_and_the_record_travel_as_extra_body(sdk):
    extra = {"lightrouter": {"decision": True, "top_k": 1}}
    completion = sdk.chat.completions.create(model="a", messages=QUESTION, extra_body=extra)
    assert completion.model_extra["lightrouter"] == DECISION
    *_, last = sdk.chat.completions.create(model="a", messages=QUESTION, extra_body=extra, stream=True)
    assert last.model_extra["lightrouter"] == DECISION


def test_the_raw_response_shows_the_headers(sdk):
    raw = sdk.chat.completions.with_raw_response.create(model="a", messages=QUESTION)
    assert raw.headers["x-lightrouter-model"] == "ada"
    assert raw.headers["x-lightrouter-calls"] == "3"
    assert raw.headers["x-lightrouter-usd"] == "0.000012500"
    assert raw.parse().choices[0].message.content == "It is four."


def test_the_models(sdk):
    assert [entry.id for entry in sdk.models.list()][:2] == ["a", "agent"]
    assert sdk.models.retrieve("city").owned_by == "lightrouter"
    with pytest.raises(openai.NotFoundError):
        sdk.models.retrieve("nobody")


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(
    ("asked", "expected", "param", "code"),
    [
        ({"model": "nobody"}, openai.NotFoundError, "model", "model_not_found"),
        ({"n": 2}, openai.BadRequestError, "n", "unsupported_parameter"),
        ({"temperature": 9}, openai.BadRequestError, "temperature", "invalid_value"),
        ({"model": "strict"}, openai.BadRequestError, "lightrouter.top_k", "invalid_value"),
        ({"model": "busy"}, openai.RateLimitError, None, "rate_limit_exceeded"),
        ({"model": "down"}, openai.InternalServerError, None, "no_survivor"),
    ],
)
def test_errors_arrive_as_the_client_knows_them(sdk, asked, expected, param, code, streaming):
    with pytest.raises(expected) as caught:
        sdk.chat.completions.create(**{"model": "a", "messages": QUESTION, **asked}, stream=streaming)
    assert (caught.value.param, caught.value.code) == (param, code)
    assert caught.value.request_id.startswith("chatcmpl-")


def test_a_wrong_key(sdk):
    with pytest.raises(openai.AuthenticationError) as caught:
        sdk.with_options(api_key="wrong").models.list()
    assert caught.value.code == "invalid_api_key"


def test_a_failure_within_a_stream(sdk):
    text = ""
    with pytest.raises(openai.APIError, match="disconnected: gone") as caught:  # noqa: PT012
        for chunk in sdk.chat.completions.create(model="breaks", messages=QUESTION, stream=True):
            text += chunk.choices[0].delta.content or ""
    assert text == "It is"
    assert caught.value.code == "no_survivor"


def test_what_will_not_pass_is_not_repeated(base_url):
    a = model(NoSurvivorError(layer=1, failures={"x": "auth: no"}))
    http = openai.DefaultHttpxClient(trust_env=False)
    with (
        served(create_app(models={"a": a})) as url,
        openai.OpenAI(base_url=url, api_key="x", max_retries=5, http_client=http) as client,
        pytest.raises(openai.InternalServerError),
    ):
        client.chat.completions.create(model="a", messages=QUESTION)
    assert len(a.calls) == 1
