"""Requests that an endpoint refuses are sent again in another form, which is remembered."""

import asyncio
import json
import re
from itertools import pairwise

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI
from odd_endpoint import Endpoint as OddEndpoint
from odd_endpoint import body, chunk, either

from lightrouter_graph import Candidate, Context, Pool, create_lightrouter
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.client import complete
from lightrouter_graph.llm.request import make_request
from lightrouter_graph.rate_limits import RetryBudget
from lightrouter_graph.testing import RecordedModelServer, ScriptedChatModel, ServerBehaviour

ANSWER = "The answer is 391."
ASKED = [HumanMessage("What is 17 * 23?")]


class Endpoint:
    """A recorded model that refuses request bodies, and a candidate for it."""

    def __init__(self, server, refuse, **fields):
        server.behaviours["m"] = ServerBehaviour(refuse=refuse)
        self.server = server
        model = ChatOpenAI(**{"model": "m", "base_url": server.base_url, "api_key": "none", "max_retries": 0, **fields})
        self.candidate = Candidate("m", model)

    async def ask(self, messages=ASKED, **settings):
        request = make_request(**{k: settings.pop(k) for k in list(settings) if k not in Call.__dataclass_fields__})
        return await complete(self.candidate, messages, Call("generate", 1, 10.0, request=request, **settings))

    @property
    def bodies(self):
        return [request.body for request in self.server.requests]

    @property
    def forms(self):
        return list(self.candidate.learned.forms)


@pytest.fixture(scope="module")
def running():
    with RecordedModelServer(responders={"m": lambda _: ANSWER}) as server:
        yield server


@pytest.fixture
def server(running):
    running.reset()
    return running


def has(body, path):
    *path, last = path.split(".")
    for key in path:
        body = body.get(key) or {}
    return body.get(last) is not None


SAYINGS = {
    "openai": "Unsupported parameter: '{0}' is not supported with this model.",
    "a value": "Unsupported value: '{0}' does not support 0.2. Only the default (1) value is supported.",
    "pydantic": "{0}: Extra inputs are not permitted",
    "supplied": "Unrecognized request argument supplied: {0}",
    "json": 'Invalid JSON payload received. Unknown name "{0}": Cannot find field.',
    "plain": "this model does not take {0}, sorry",
    "deprecated": "`{0}` is deprecated for this model.",
    "property": "property '{0}' is unsupported, did you mean 'other'?",
}


@pytest.mark.parametrize("saying", SAYINGS)
@pytest.mark.parametrize(
    ("field", "value"), [("temperature", 0.2), ("top_p", 0.9), ("seed", 7), ("frequency_penalty", 0.1)]
)
async def test_a_field_of_the_request_that_is_refused_is_left_out_and_stays_out(server, saying, field, value):
    endpoint = Endpoint(server, lambda body: SAYINGS[saying].format(field) if has(body, field) else None)
    for _ in range(2):
        reply = await endpoint.ask(sampling={field: value})
        assert (reply.text, reply.failure) == (ANSWER, None)
    assert [has(body, field) for body in endpoint.bodies] == [True, False, False]
    assert endpoint.forms == [f"{field} left out"]
    assert reply.call_cost["adaptations"] == endpoint.forms


FIELDS = {
    "presence_penalty": {"presence_penalty": 0.5},
    "n": {"n": 1},
    "user": {"model_kwargs": {"user": "u1"}},
    "metadata": {"extra_body": {"metadata": {"a": "b"}}},
    "service_tier": {"service_tier": "flex"},
    "logit_bias": {"logit_bias": {50256: -100}},
    "verbosity": {"verbosity": "low"},
    "reasoning_effort": {"reasoning_effort": "high"},
    "prompt_cache_key": {"model_kwargs": {"prompt_cache_key": "k"}},
    "safety_identifier": {"model_kwargs": {"safety_identifier": "s"}},
    "min_p": {"extra_body": {"min_p": 0.1}},
    "chat_template_kwargs": {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}},
    "top_logprobs": {"logprobs": True, "top_logprobs": 3},
}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("place", ["param", "loc", "quoted"])
async def test_a_field_that_the_user_set_on_the_model_is_left_out(server, field, place):
    errors = {
        "param": {"error": {"message": "not available here", "type": "invalid_request_error", "param": field}},
        "loc": {"status": 422, "detail": [{"type": "extra_forbidden", "loc": ["body", field], "msg": "Extra inputs"}]},
        "quoted": {"object": "error", "message": f"Unknown field: '{field}'", "code": 400},
    }
    endpoint = Endpoint(server, lambda body: errors[place] if has(body, field) else None, **FIELDS[field])
    assert (await endpoint.ask()).text == ANSWER
    assert (await endpoint.ask()).text == ANSWER
    assert [has(body, field) for body in endpoint.bodies] == [True, False, False]


async def test_several_fields_are_refused_one_after_another(server):
    def refuse(body):
        return next((f"Unsupported parameter: '{f}'" for f in ("seed", "top_p", "temperature") if has(body, f)), None)

    endpoint = Endpoint(server, refuse, temperature=0.1, top_p=0.9, seed=1)
    assert (await endpoint.ask()).text == ANSWER
    assert endpoint.forms == ["seed left out", "top_p left out", "temperature left out"]
    assert len(endpoint.bodies) == 4


async def test_a_refusal_that_quotes_the_whole_body_strips_only_the_field_that_it_names(server):
    def refuse(body):
        if not has(body, "seed"):
            return None
        problem = {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}
        return {"status": 422, "detail": [{**problem, "input": body}]}

    endpoint = Endpoint(server, refuse, temperature=0.1, top_p=0.9, seed=1)
    assert (await endpoint.ask()).text == ANSWER
    assert endpoint.forms == ["seed left out"]
    assert has(endpoint.bodies[-1], "temperature")


async def test_a_quoted_request_lends_its_words_to_no_cause(server):
    asked = [HumanMessage("Explain rate limit, content_filter and maximum context length.")]

    def refuse(body):
        return {"detail": [{"loc": ["body", "seed"], "msg": "Extra", "input": body}]} if has(body, "seed") else None

    endpoint = Endpoint(server, refuse, seed=1)
    assert (await endpoint.ask(asked)).failure is None


async def test_a_form_that_does_not_help_is_given_up_and_not_tried_again(server):
    def refuse(body):
        return "Something about 'temperature' and 'top_p' is wrong." if body else None

    endpoint = Endpoint(server, refuse, temperature=0.1, top_p=0.9)
    reply = await endpoint.ask()
    assert reply.failure["cause"] == "bad_response"
    assert endpoint.forms == []
    assert len(endpoint.bodies) == 3
    await endpoint.ask()
    assert len(endpoint.bodies) == 4


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("The model `temperature-1` does not exist", "bad_response"),
        ("This model's maximum context length is 8 tokens; temperature was 0.1", "context_length"),
        ("Your prompt was flagged by the content policy, whatever the temperature", "content_filter"),
        ("You exceeded your rate limit (user, temperature)", "rate_limited"),
        ("Something is wrong", "bad_response"),
    ],
)
async def test_other_refusals_change_no_form(server, message, cause):
    endpoint = Endpoint(server, lambda _: message, temperature=0.1)
    reply = await endpoint.ask()
    assert reply.failure["cause"] == cause
    assert (len(endpoint.bodies), endpoint.forms) == (1, [])


async def test_an_argument_that_the_client_does_not_know_is_sent_in_the_body(server):
    endpoint = Endpoint(server, lambda _: None, model_kwargs={"repetition_penalty": 1.1})
    assert (await endpoint.ask()).text == ANSWER
    assert endpoint.bodies[-1]["repetition_penalty"] == 1.1
    assert endpoint.forms == ["repetition_penalty sent in extra_body"]


async def test_a_refused_stop_text_is_applied_to_the_reply(server):
    endpoint = Endpoint(server, lambda body: "'stop' is not supported" if has(body, "stop") else None)
    reply = await endpoint.ask(stop=[" is"])
    assert (reply.text, reply.finish_reason) == ("The answer", "stop")


@pytest.mark.parametrize(
    "message", ["Unknown parameter: 'stream_options.include_usage'.", "stream_options: extra field"]
)
async def test_a_stream_does_without_options_that_are_refused(server, message):
    endpoint = Endpoint(server, lambda body: message if has(body, "stream_options") else None)
    reply = await endpoint.ask(stream_internally=True)
    assert reply.text == ANSWER
    assert endpoint.bodies[-1]["stream"]
    assert reply.usage["estimated"]


async def test_an_endpoint_that_does_not_stream_is_not_asked_to(server):
    endpoint = Endpoint(
        server, lambda body: "Streaming is not supported for this model." if body.get("stream") else None
    )
    reply = await endpoint.ask(stream_internally=True)
    assert reply.text == ANSWER
    assert not endpoint.bodies[-1].get("stream")
    assert reply.call_cost["adaptations"] == ["stream left out"]


SCHEMA = {"title": "Sum", "type": "object", "properties": {"value": {"type": "integer"}}, "required": ["value"]}


@pytest.mark.parametrize(
    ("accepted", "form"),
    [
        ("json_object", "response_format json_schema sent as json_object"),
        (None, "response_format left out"),
    ],
)
async def test_a_schema_is_asked_for_in_a_weaker_form(running, accepted, form):
    def refuse(body):
        kind = (body.get("response_format") or {}).get("type")
        return f"'response_format.type' {kind} is unavailable" if kind not in {None, accepted} else None

    with RecordedModelServer(responders={"m": lambda _: '{"value": 391}'}) as server:
        endpoint = Endpoint(server, refuse)
        endpoint.candidate = Candidate("m", endpoint.candidate.model, json_mode="json_schema")
        for _ in range(2):
            assert (await endpoint.ask(response_format=SCHEMA)).text == '{"value": 391}'
        assert form in endpoint.forms
        assert '"integer"' in endpoint.bodies[-1]["messages"][-1]["content"]


TOOL = {"name": "multiply", "description": "Multiply.", "parameters": {"type": "object", "properties": {"title": {}}}}


@pytest.mark.parametrize("accepted", [(None, "auto"), (None,)])
async def test_a_forced_tool_choice_becomes_a_free_one(server, accepted):
    def refuse(body):
        choice = body.get("tool_choice")
        return None if choice in accepted else "tool_choice: only 'auto' is supported"

    endpoint = Endpoint(server, refuse)
    await endpoint.ask(tools=[TOOL], tool_choice="multiply")
    assert endpoint.bodies[-1].get("tool_choice") in accepted
    assert endpoint.bodies[-1]["tools"]


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("strict", {"detail": [{"loc": ["body", "tools", 0, "function", "strict"], "msg": "Extra inputs"}]}),
        ("additionalProperties", "Unknown name \"additionalProperties\" at 'tools[0].function.parameters'"),
        ("$schema", "tools[0].function.parameters: unexpected key '$schema'"),
        ("title", {"error": {"message": "unknown key", "param": "tools[0].function.parameters.title"}}),
    ],
)
async def test_a_refused_key_inside_of_tools_is_left_out_and_names_of_properties_stay(server, key, error):
    tool = {
        "type": "function",
        "function": {
            **TOOL,
            "strict": True,
            "parameters": {**TOOL["parameters"], "additionalProperties": False, "$schema": "x", "title": "T"},
        },
    }

    def refuse(body):
        function = body["tools"][0]["function"]
        return error if key in function or key in function["parameters"] else None

    endpoint = Endpoint(server, refuse)
    assert (await endpoint.ask(tools=[tool])).text == ANSWER
    assert "title" in endpoint.bodies[-1]["tools"][0]["function"]["parameters"]["properties"]


CALLED = AIMessage("", tool_calls=[{"name": "multiply", "args": {"a": 17}, "id": "toolu_01Abcdefghijklmnopqrstuvwxyz"}])
RESULT = ToolMessage("391", tool_call_id=CALLED.tool_calls[0]["id"])
TURN = [HumanMessage("17 * 23?"), CALLED, RESULT]
DEVELOPER = SystemMessage("Be brief.", additional_kwargs={"__openai_role__": "developer"})


def roles(body):
    return [message["role"] for message in body["messages"]]


def contents(body):
    return [message.get("content") for message in body["messages"]]


def ids(body):
    calls = [call["id"] for message in body["messages"] for call in message.get("tool_calls") or ()]
    return calls, [message["tool_call_id"] for message in body["messages"] if message["role"] == "tool"]


def unpaired(body, form):
    calls, results = ids(body)
    return calls != results or not all(re.fullmatch(form, one) for one in calls)


def in_a_row(body):
    return any(a == b for a, b in pairwise(roles(body)))


def thoughtless(body):
    return any(m["role"] == "assistant" and not m.get("reasoning_content") for m in body["messages"])


def empty(body, wrong):
    return any("content" in message and message["content"] in wrong for message in body["messages"])


MESSAGES = {
    "developer": ([DEVELOPER, *ASKED], lambda b: "developer" in roles(b), "Unexpected message role."),
    "developer, by variants": (
        [DEVELOPER, *ASKED],
        lambda b: "developer" in roles(b),
        "messages[0].role: unknown variant `developer`, expected one of `system`, `user`, `assistant`, `tool`",
    ),
    "no system": ([SystemMessage("Be brief."), *ASKED], lambda b: "system" in roles(b), "System role not supported"),
    "no system at all": (
        [DEVELOPER, *ASKED],
        lambda b: {"system", "developer"} & {*roles(b)},
        "Developer instruction is not enabled for models/gemma-3-27b-it",
    ),
    "only two roles": (
        [SystemMessage("Be brief."), *TURN],
        lambda b: {"system", "tool"} & {*roles(b)},
        "Only user and assistant roles are supported!",
    ),
    "system in the middle": (
        [*ASKED, AIMessage("Hm."), SystemMessage("Be brief."), HumanMessage("Well?")],
        lambda b: "system" in roles(b)[1:],
        "System message must be at the beginning.",
    ),
    "same role": (
        [*ASKED, HumanMessage("Well?")],
        in_a_row,
        "Conversation roles must alternate user/assistant/user/assistant/...",
    ),
    "same role, in a template": (
        [*ASKED, HumanMessage("Well?")],
        in_a_row,
        {"status": 500, "error": {"message": "Jinja: After the optional system message, roles must alternate"}},
    ),
    "assistant first": (
        [AIMessage("Hello."), *ASKED],
        lambda b: roles(b)[0] == "assistant",
        "The first message must be from the user",
    ),
    "names": (
        [HumanMessage("17 * 23?", name="Marie Curie")],
        lambda b: any(" " in message.get("name", "") for message in b["messages"]),
        {"error": {"message": "string does not match pattern", "param": "messages[0].name"}},
    ),
    "no names": (
        [HumanMessage("17 * 23?", name="Marie Curie")],
        lambda b: any("name" in message for message in b["messages"]),
        {"status": 422, "detail": [{"loc": ["body", "messages", 0, "name"], "msg": "Extra inputs are not permitted"}]},
    ),
    "ids of Mistral": (
        TURN,
        lambda b: unpaired(b, "[a-zA-Z0-9]{9}"),
        "Tool call id was toolu_01Abc but must be a-z, A-Z, 0-9, with a length of 9.",
    ),
    "long ids": (
        TURN,
        lambda b: unpaired(b, ".{1,20}"),
        {
            "error": {
                "message": "string too long. Expected a string with maximum length 20",
                "code": "string_above_max_length",
                "param": "messages[1].tool_calls[0].id",
            }
        },
    ),
    "reasoning": (TURN, thoughtless, "Missing `reasoning_content` field in the assistant message at message index 1"),
    "reasoning of another": (
        TURN,
        thoughtless,
        "thinking is enabled but reasoning_content is missing in assistant tool call message at index 1",
    ),
    "null content": (
        TURN,
        lambda b: empty(b, (None,)),
        {
            "status": 422,
            "detail": [{"loc": ["body", "messages", 1, "content"], "msg": "Input should be a valid string"}],
        },
    ),
    "empty content": (
        [*ASKED, AIMessage(""), HumanMessage("Well?")],
        lambda b: empty(b, (None, "")),
        "messages.1: all messages must have non-empty content except for the optional final assistant message",
    ),
    "blank content": (
        [*ASKED, AIMessage(""), HumanMessage("Well?")],
        lambda b: empty(b, (None, "", " ")),
        "messages: text content blocks must contain non-whitespace text, none may be empty",
    ),
    "list": (
        [HumanMessage([{"type": "text", "text": "17 * 23?"}])],
        lambda b: any(isinstance(content, list) for content in contents(b)),
        "messages[0].content: invalid type: sequence, expected a string",
    ),
    "empty part": (
        [
            HumanMessage(
                [{"type": "text", "text": ""}, {"type": "image_url", "image_url": {"url": "https://a.example"}}]
            )
        ],
        lambda b: b["messages"][0]["content"][0].get("text") == "",
        "messages.0.content.0.text: text content blocks must be non-empty",
    ),
    "refusal part": (
        [*ASKED, AIMessage([{"type": "refusal", "refusal": "I cannot."}]), HumanMessage("Well?")],
        lambda b: '"refusal"' in json.dumps(b),
        "Invalid value: 'refusal'. Supported content types are 'text'.",
    ),
    "refusal": (
        [*ASKED, AIMessage("", additional_kwargs={"refusal": "I cannot."}), HumanMessage("Well?")],
        lambda b: "I cannot." not in contents(b),
        "messages.1.content: Field required, must not be empty",
    ),
    "assistant last": (
        [*ASKED, AIMessage("The answer")],
        lambda b: roles(b)[-1] == "assistant",
        "This model does not support assistant message prefill. The conversation must end with a user message.",
    ),
    "user after tool": (
        [*TURN, HumanMessage("Well?")],
        lambda b: ("tool", "user") in pairwise(roles(b)),
        "Unexpected role 'user' after role 'tool'",
    ),
}


@pytest.mark.parametrize("kind", MESSAGES)
async def test_messages_are_rewritten_for_an_endpoint_that_refuses_them(server, kind):
    messages, wrong, error = MESSAGES[kind]
    endpoint = Endpoint(server, lambda body: error if wrong(body) else None)
    for _ in range(2):
        reply = await endpoint.ask(messages)
        assert (reply.text, reply.failure) == (ANSWER, None)
    assert wrong(endpoint.bodies[0])
    assert not wrong(endpoint.bodies[-1])
    assert not wrong(endpoint.bodies[-2])
    sent = json.dumps(endpoint.bodies[-1], ensure_ascii=False)
    assert all(text in sent for message in messages if isinstance(text := message.content, str))


async def test_reasoning_of_the_candidate_itself_is_passed_back(server):
    thought = AIMessage("", tool_calls=CALLED.tool_calls, additional_kwargs={"reasoning_content": "I multiply."})
    error = "Missing `reasoning_content` field"
    endpoint = Endpoint(server, lambda body: error if thoughtless(body) else None)
    await endpoint.ask([HumanMessage("17 * 23?"), thought, RESULT])
    assert endpoint.bodies[-1]["messages"][1]["reasoning_content"] == "I multiply."


@pytest.mark.parametrize(
    "error",
    [
        "continue_final_message: Extra inputs are not permitted",
        "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
        "Assistant response prefill is incompatible with enable_thinking.",
        "Requests ending with an assistant message are not supported",
    ],
)
async def test_a_prefix_that_is_refused_is_not_continued(server, error):
    endpoint = Endpoint(server, lambda body: error if roles(body)[-1] == "assistant" else None)
    endpoint.candidate = Candidate("m", endpoint.candidate.model, continuation="continue_final_message")
    reply = await endpoint.ask(prefix="The answer")
    assert (reply.text, reply.restarted) == (ANSWER, True)
    assert endpoint.candidate.learned.restarts
    assert reply.call_cost["adaptations"] == ["boots not continued"]


async def test_the_decision_record_lists_the_forms_of_a_run(server, caplog):
    endpoint = Endpoint(server, lambda body: "'seed' is unknown" if has(body, "seed") else None, seed=1)
    router = create_lightrouter(Pool([endpoint.candidate]), context=Context(boot_tokens=5)).compile()
    for _ in range(2):
        answer = (await router.ainvoke({"messages": ASKED}))["messages"][-1]
        assert answer.response_metadata["lightrouter"]["adaptations"] == {"m": ["seed left out"]}
    assert caplog.text.count("m refused a request: seed left out from now on") == 1


@pytest.mark.parametrize(
    "error",
    [
        "max_tokens is too large: 200000. This model supports at most 4096 completion tokens.",
        "`max_completion_tokens` must be less than or equal to `4096`, the maximum value for this model",
        {"error": {"message": "Invalid value: valid range of max_tokens is [1, 4096]", "param": "max_tokens"}},
        "max_tokens: 200000 > 4096, which is the maximum allowed number of output tokens",
    ],
)
async def test_an_output_limit_that_is_too_great_is_lowered(server, error):
    endpoint = Endpoint(server, lambda body: error if body["max_completion_tokens"] > 4096 else None)
    for _ in range(2):
        assert (await endpoint.ask(max_tokens=200_000)).text == ANSWER
    assert [body["max_completion_tokens"] for body in endpoint.bodies] == [200_000, 4096, 4096]


class Refused(Exception):
    status_code = 400


class Particular(ScriptedChatModel):
    """A model of another client that takes neither a temperature nor a seed."""

    temperature: float | None = None

    def _make_call(self, messages, stop, kwargs, *, streamed):
        if self.temperature is not None:
            raise Refused("temperature is not supported")
        if "seed" in kwargs:
            raise TypeError("Client.chat() got an unexpected keyword argument 'seed'")
        return super()._make_call(messages, stop, kwargs, streamed=streamed)


async def test_models_of_other_clients_do_without_refused_fields_and_arguments():
    model = Particular(responses=ANSWER, name="m", temperature=0.4)
    candidate, request = Candidate("m", model), make_request(sampling={"seed": 4})
    replies = [await complete(candidate, ASKED, Call("generate", 1, 10.0, request=request)) for _ in range(2)]
    assert [reply.text for reply in replies] == [ANSWER, ANSWER]
    assert [len(reply.earlier) for reply in replies] == [2, 0]
    assert candidate.learned.forms == ("temperature left out", "seed left out")
    assert model.temperature == 0.4


async def test_concurrent_calls_learn_a_form_once(server):
    def refuse(body):
        return next((f"Unsupported parameter: '{f}'" for f in ("temperature", "seed") if has(body, f)), None)

    endpoint = Endpoint(server, refuse, temperature=0.1, seed=1)
    replies = await asyncio.gather(*(endpoint.ask() for _ in range(6)))
    assert {reply.text for reply in replies} == {ANSWER}
    assert sorted(endpoint.forms) == ["seed left out", "temperature left out"]
    assert len(endpoint.bodies) <= 3 * 6


async def test_refusals_without_end_are_bounded(server):
    kinds = iter("abcdefghijklmnopqrstuvwxyz")
    fields = {"temperature": 0.1, "top_p": 0.9, "seed": 1, "presence_penalty": 0.1, "frequency_penalty": 0.1, "n": 1}
    endpoint = Endpoint(server, lambda _: f"{next(kinds)}: {', '.join(fields)}", **fields)
    reply = await endpoint.ask()
    assert reply.failure["cause"] == "bad_response"
    assert len(endpoint.bodies) <= len(fields) + 1


async def test_refusals_use_up_no_retry(server):
    fails = iter([{"status": 503, "error": {"message": "busy"}}, None])

    def refuse(body):
        return "Unsupported parameter: 'seed'" if has(body, "seed") else next(fails, None)

    endpoint = Endpoint(server, refuse, seed=1, max_retries=1)
    reply = await endpoint.ask(retries=RetryBudget(1))
    assert (reply.text, len(endpoint.bodies)) == (ANSWER, 3)


async def test_tokens_that_the_user_has_seen_are_not_written_a_second_time():
    error = {"error": {"message": "'temperature' is not supported", "code": 400}}
    broken = [chunk({"role": "assistant", "content": "The answer"}), error]
    endpoint = OddEndpoint(lambda sent: broken if "temperature" in sent else either(sent, ANSWER))
    candidate = endpoint.candidate(settings={"temperature": 0.1})
    reply = await complete(candidate, ASKED, Call("generate", 1, 10.0, stream_to_user=True, stream_internally=True))
    assert (reply.text, reply.failure["cause"]) == ("The answer", "bad_response")
    assert (len(endpoint.bodies), candidate.learned.forms) == (1, ())


async def test_a_failure_of_another_kind_proves_no_form(server):
    others = iter([None, {"status": 503, "error": {"message": "busy"}}])

    def refuse(body):
        wrong = "Something about 'temperature' and 'top_p' is wrong." if has(body, "top_p") else None
        return next(others, None) or wrong

    endpoint = Endpoint(server, refuse, temperature=0.1, top_p=0.9, max_retries=1)
    assert (await endpoint.ask(retries=RetryBudget(1))).text == ANSWER
    assert endpoint.forms == ["top_p left out"]


@pytest.mark.parametrize("refused", ["max_completion_tokens", "seed"])
async def test_the_output_limit_is_renamed_if_a_key_of_the_error_names_it_and_not_if_its_quoted_request_does(
    server, refused
):
    def refuse(body):
        problem = {"type": "extra_forbidden", "loc": ["body", refused], "msg": "Extra inputs are not permitted"}
        return {"status": 422, "detail": [{**problem, "input": body}]} if has(body, refused) else None

    endpoint = Endpoint(server, refuse, seed=1)
    assert (await endpoint.ask(max_tokens=50)).text == ANSWER
    assert endpoint.candidate.learned.limit == (None if refused == "seed" else "max_tokens")
    assert len(endpoint.bodies) == 2


async def test_a_refused_stop_text_is_applied_to_a_reply_of_content_blocks():
    class Blocks(ScriptedChatModel):
        def _make_call(self, messages, stop, kwargs, *, streamed):
            if stop:
                raise Refused("'stop' is not supported")
            return super()._make_call(messages, stop, kwargs, streamed=streamed)

    parts = [{"type": "text", "text": "The answer"}, {"type": "text", "text": " is 391."}]
    candidate = Candidate("m", Blocks(responses=AIMessage(parts), name="m"))
    request = make_request(stop=[" is"])
    reply = await complete(candidate, ASKED, Call("generate", 1, 10.0, request=request))
    assert (reply.text, reply.finish_reason) == ("The answer", "stop")


async def test_a_failure_of_another_kind_does_not_bring_back_a_stream_that_an_endpoint_ignores():
    fails = iter([None, "busy"])

    def reply(sent):
        if (why := next(fails, None)) is not None:
            return {"error": {"message": why, "code": 503}}
        return body(ANSWER)

    endpoint = OddEndpoint(reply)
    candidate = endpoint.candidate(settings={"max_retries": 1})
    call = Call("generate", 1, 10.0, stream_internally=True, retries=RetryBudget(1))
    assert (await complete(candidate, ASKED, call)).text == ANSWER
    assert [bool(sent.get("stream")) for sent in endpoint.bodies] == [True, False, False]
