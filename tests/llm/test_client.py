"""One model call: what is sent, how the response is read, and how failures are recorded."""

import asyncio
import json
from contextlib import suppress
from dataclasses import asdict, replace

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableLambda
from langchain_openai import ChatOpenAI
from langgraph.errors import GraphInterrupt
from pydantic import BaseModel

from lightrouter_graph import Candidate, QueryError
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.client import complete, record_calls, record_completion
from lightrouter_graph.llm.completion import Completion
from lightrouter_graph.llm.output_schema import OutputSchema
from lightrouter_graph.llm.request import make_request
from lightrouter_graph.records import NO_USAGE
from lightrouter_graph.runtime.early_stop import EarlyStop, EarlyStopRules
from lightrouter_graph.testing import RecordedModelServer, Reply, ScriptedChatModel, VirtualClock

ASKED = [HumanMessage("How many apples are in the basket?")]
BOOT = Call(stage="boot", layer=1, timeout_s=30, max_tokens=3)


class Verdict(BaseModel):
    score: int


def say(response, *, price=None, limit_parameter=None, continuation=None, json_mode=None, **settings):
    model = ScriptedChatModel(responses=response, name="a", then="repeat_last", **settings)
    known = {"limit_parameter": limit_parameter, "continuation": continuation, "json_mode": json_mode}
    return Candidate("a", model, price=price, **known)


def saying(text="Four.", **metadata):
    """Build a candidate whose message has this response metadata."""
    message = AIMessage(text, response_metadata=metadata)
    return Candidate("a", GenericFakeChatModel(messages=iter([message])))


def generate(**changes):
    return Call(**{"stage": "generate", "layer": 1, "timeout_s": 30, **changes})


# requests --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameter", ["max_tokens", "max_completion_tokens", "num_predict"])
async def test_the_cap_is_sent_under_the_parameter_of_the_candidate(parameter):
    candidate = say("one two three four five", limit_parameter=parameter)
    await complete(candidate, ASKED, BOOT)
    assert dict(candidate.model.calls[0].kwargs) == {parameter: 3}


async def test_without_a_cap_the_cap_of_the_model_applies():
    candidate = say("one two three", max_tokens=2)
    completion = await complete(candidate, ASKED, generate())
    assert dict(candidate.model.calls[0].kwargs) == {}
    assert completion.text == "one two"


class OllamaLike(BaseChatModel):
    """Has its cap as a field and refuses arguments it does not know, as `ChatOllama` does."""

    num_predict: int | None = None

    @property
    def _llm_type(self):
        return "chat-ollama"

    def _generate(self, messages, stop=None, run_manager=None):
        return ChatResult(generations=[ChatGeneration(message=AIMessage(f"capped at {self.num_predict}"))])


async def test_a_cap_that_is_a_field_is_set_on_a_copy_of_the_model():
    candidate = Candidate("local", OllamaLike())
    assert (await complete(candidate, ASKED, BOOT)).text == "capped at 3"
    assert candidate.model.num_predict is None


class Notes(AsyncCallbackHandler):
    """Records how a model call appears in a trace."""

    async def on_chat_model_start(self, serialized, messages, **about):
        self.about = about


async def traced(call):
    notes = Notes()
    await complete(say("Four.", callbacks=[notes]), ASKED, call)
    return notes.about


async def test_a_call_is_named_after_stage_and_candidate():
    about = await traced(BOOT)
    assert about["name"] == "boot:a"
    named = {name: value for name, value in about["metadata"].items() if name.startswith("lightrouter_")}
    assert named == {"lightrouter_stage": "boot", "lightrouter_layer": 1, "lightrouter_candidate": "a"}


async def test_only_hidden_calls_are_kept_out_of_the_users_stream():
    assert (await traced(BOOT))["tags"] == ["lightrouter:boot", "nostream"]
    assert (await traced(generate(stream_to_user=True)))["tags"] == ["lightrouter:generate"]


async def streamed_call(candidate, call):
    """Make a call inside of a stream, and return whether the model streamed."""

    async def step(_):
        return await complete(candidate, ASKED, call)

    async for _ in RunnableLambda(step).astream_events(None, version="v2"):
        pass
    return candidate.model.calls[0].streamed


async def test_a_hidden_call_does_not_stream_inside_of_a_stream():
    assert not await streamed_call(say("Four."), BOOT)
    assert await streamed_call(say("Four."), generate(stream_to_user=True))


@pytest.mark.parametrize("mode", ["json_schema", "json_object"])
async def test_a_schema_is_sent_to_models_with_a_json_mode(mode):
    candidate = say("{}", json_mode=mode)
    await complete(candidate, ASKED, generate(schema=OutputSchema("Verdict", Verdict.model_json_schema())))
    sent = candidate.model.calls[0].kwargs["response_format"]
    assert sent["type"] == mode
    if mode == "json_schema":
        assert sent["json_schema"] == {"name": "Verdict", "schema": Verdict.model_json_schema()}


async def test_a_schema_is_not_sent_to_models_without_a_json_mode():
    candidate = say("{}")
    await complete(candidate, ASKED, generate(schema=OutputSchema("Verdict", Verdict.model_json_schema())))
    assert "response_format" not in candidate.model.calls[0].kwargs


# continuation ----------------------------------------------------------------------------------------------


async def test_a_prefix_is_sent_as_the_final_assistant_message():
    candidate = say("Four plus three is seven.", continues=True, continuation="prefill")
    completion = await complete(candidate, ASKED, generate(prefix="Four plus"))
    call = candidate.model.calls[0]
    assert call.messages == (*ASKED, AIMessage("Four plus"))
    assert dict(call.kwargs) == {}
    assert completion.text == "Four plus three is seven."


async def test_a_prefix_is_flagged_for_providers_that_need_a_flag():
    candidate = say("Four.", continuation="prefix_flag")
    await complete(candidate, ASKED, generate(prefix="Fo"))
    assert candidate.model.calls[0].messages[-1].additional_kwargs == {"prefix": True}


async def test_vllm_receives_its_continuation_flags_beside_the_extra_body_of_the_model():
    with RecordedModelServer(responders={"m": lambda _: "Four plus three."}) as server:
        model = ChatOpenAI(model="m", base_url=server.base_url, api_key="none", extra_body={"min_p": 0.1})
        candidate = Candidate("a", model, continuation="continue_final_message")
        completion = await complete(candidate, ASKED, generate(prefix="Four plus"))
    body = server.requests[0].body
    assert completion.text == "Four plus three."
    assert body["messages"][-1] == {"role": "assistant", "content": "Four plus"}
    assert (body["continue_final_message"], body["add_generation_prompt"], body["min_p"]) == (True, False, 0.1)


async def test_deepseek_receives_its_prefix_flag(monkeypatch):
    monkeypatch.setenv("DEEPSEEK_API_KEY", "none")
    with RecordedModelServer(responders={"m": lambda _: "Four plus three."}) as server:
        candidate = Candidate("a", f"deepseek:m@{server.base_url}")
        await complete(candidate, ASKED, generate(prefix="Four plus"))
    assert server.requests[0].body["messages"][-1] == {"role": "assistant", "content": "Four plus", "prefix": True}


# responses -------------------------------------------------------------------------------------------------


async def test_the_token_counts_of_the_provider_are_recorded():
    usage = {
        "input_tokens": 40,
        "output_tokens": 7,
        "total_tokens": 47,
        "input_token_details": {"cache_read": 30},
        "output_token_details": {"reasoning": 4},
    }
    completion = await complete(say(Reply("Four.", usage=usage)), ASKED, generate())
    assert completion.call_cost["usage"] == {
        "input_tokens": 40,
        "output_tokens": 7,
        "cached_tokens": 30,
        "reasoning_tokens": 4,
        "estimated": False,
    }


async def test_a_usage_that_the_provider_does_not_send_is_estimated():
    spent = (await complete(say("Four.", reports_usage=False), ASKED, generate())).call_cost["usage"]
    assert spent["estimated"]
    assert 5 <= spent["input_tokens"] <= 30
    assert 1 <= spent["output_tokens"] <= 10


async def test_a_call_is_billed_to_its_stage_and_candidate():
    candidate = say(Reply("Four.", usage={"input_tokens": 1_000_000, "output_tokens": 10, "total_tokens": 1_000_010}))
    spent = (await complete(candidate, ASKED, BOOT)).call_cost
    assert (spent["stage"], spent["layer"], spent["candidate"]) == ("boot", 1, "a")


async def test_usd_is_none_if_the_price_is_unknown():
    counts = {"input_tokens": 1_000_000, "output_tokens": 500_000, "total_tokens": 1_500_000}
    priced = await complete(say(Reply("Four.", usage=counts), price=(1.0, 4.0)), ASKED, generate())
    unpriced = await complete(say(Reply("Four.", usage=counts)), ASKED, generate())
    assert priced.call_cost["usd"] == pytest.approx(3.0)
    assert unpriced.call_cost["usd"] is None


@pytest.mark.parametrize("word", ["finish_reason", "stop_reason", "done_reason"])
async def test_the_finish_reason_of_each_provider_is_read(word):
    whole = await complete(saying(**{word: "stop"}), ASKED, BOOT)
    assert (whole.finish_reason, whole.finished) == ("stop", True)
    cut = await complete(saying(**{word: "length"}), ASKED, BOOT)
    assert (cut.finish_reason, cut.finished) == ("length", False)


@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS", "max_output_tokens", "model_length"])
async def test_a_reply_that_the_cap_ended_is_not_finished(reason):
    assert not (await complete(saying(finish_reason=reason), ASKED, BOOT)).finished


@pytest.mark.parametrize("reason", ["stop", "end_turn", "STOP", "tool_calls"])
async def test_a_reply_that_the_model_ended_is_finished(reason):
    assert (await complete(saying(finish_reason=reason), ASKED, BOOT)).finished


async def test_without_a_finish_reason_an_output_as_long_as_the_cap_is_truncated():
    cut = await complete(saying("word " * 50), ASKED, BOOT)
    assert (cut.finish_reason, cut.finished) == ("length", False)
    uncapped = await complete(saying("word " * 50), ASKED, generate())
    assert (uncapped.finish_reason, uncapped.finished) == (None, True)


@pytest.mark.parametrize("text", ["", "  \n"])
async def test_a_reply_without_text_is_a_failure_that_was_billed(text):
    counts = {"input_tokens": 9, "output_tokens": 200, "total_tokens": 209}
    completion = await complete(say(Reply(text, usage=counts, finish_reason="length")), ASKED, generate())
    assert completion.failure == {"cause": "empty", "message": "no text (finish reason length)"}
    assert not completion.finished
    assert completion.call_cost["usage"]["output_tokens"] == 200


async def test_a_filtered_reply_is_a_failure_even_with_some_text():
    completion = await complete(say(Reply("I", finish_reason="content_filter")), ASKED, generate())
    assert completion.failure["cause"] == "content_filter"
    assert not completion.finished


# failures --------------------------------------------------------------------------------------------------


async def test_a_model_that_hangs_times_out_and_is_cancelled():
    candidate = say(Reply("one", hang=True), clock=VirtualClock())
    completion = await complete(candidate, ASKED, BOOT)
    assert (completion.text, completion.finished) == ("", False)
    assert completion.failure["cause"] == "timeout"
    assert candidate.model.calls[0].cancelled


async def test_a_reply_that_timed_out_is_recorded_as_lost():
    candidate = say(Reply("", hang=True), clock=VirtualClock(), price=(1.0, 1.0))
    spent = (await complete(candidate, ASKED, BOOT)).call_cost
    assert (spent["outcome"], spent["cap"], spent["usage"]["estimated"]) == ("lost", 3, True)
    assert spent["usage"]["input_tokens"] > 0
    assert spent["usd"] > 0


@pytest.mark.parametrize(
    ("raised", "cause"),
    [
        (ConnectionError("gone"), "disconnected"),
        (TimeoutError(), "timeout"),
        (ValueError("unexpected field"), "bad_response"),
        (KeyError("choices"), "bad_response"),
    ],
)
async def test_any_exception_of_a_model_becomes_a_failure_record(raised, cause):
    completion = await complete(say(raised), ASKED, generate())
    assert completion.text == ""
    assert completion.failure["cause"] == cause
    assert completion.failure["message"]


async def test_a_connection_that_breaks_in_a_stream_is_a_failure():
    completion = await complete(say(Reply("Four", error=ConnectionError("reset"))), ASKED, generate())
    assert (completion.text, completion.failure["cause"]) == ("", "disconnected")


@pytest.mark.parametrize("mistake", [AssertionError("x"), NameError("x"), ImportError("x"), RecursionError("x")])
async def test_a_programming_error_is_raised(mistake):
    with pytest.raises(type(mistake)):
        await complete(say(mistake), ASKED, generate())


async def test_an_interrupt_of_the_graph_passes_through():
    with pytest.raises(GraphInterrupt):
        await complete(say(GraphInterrupt()), ASKED, generate())


async def test_a_cancellation_is_raised():
    begun = asyncio.Event()

    def hang(_):
        begun.set()
        return Reply("", hang=True)

    call = asyncio.create_task(complete(say(hang), ASKED, BOOT))
    await begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_a_call_that_an_early_stop_ends_records_reason_and_worst_case_cost():
    race, begun = EarlyStop(EarlyStopRules(2), keys={"b": "4"}), asyncio.Event()

    def hang(_):
        begun.set()
        return Reply("", hang=True)

    candidate = say(hang, price=(1.0, 1.0))
    call = asyncio.create_task(complete(candidate, ASKED, BOOT, early_stop=race))
    await begun.wait()
    race.report("c", "4")
    completion = await call
    assert completion.failure == {"cause": "cancelled", "message": "2 other answers agree"}
    assert completion.call_cost["outcome"] == "lost"
    assert completion.call_cost["usage"]["estimated"]
    assert candidate.model.calls[0].cancelled


async def test_a_call_after_an_early_stop_is_not_sent():
    race = EarlyStop(EarlyStopRules(2), keys={"b": "4"})
    race.report("c", "4")
    candidate = say("Four.")
    completion = await complete(candidate, ASKED, BOOT, early_stop=race)
    assert completion.failure["cause"] == "cancelled"
    assert (completion.call_cost["outcome"], completion.call_cost["usage"]) == ("not_sent", NO_USAGE)
    assert not candidate.model.calls


async def test_a_call_without_time_left_is_not_sent():
    candidate = say("Four.")
    completion = await complete(candidate, ASKED, replace(BOOT, timeout_s=0))
    assert completion.failure == {"cause": "timeout", "message": "no time is left for the call"}
    assert (completion.call_cost["outcome"], completion.call_cost["usage"]) == ("not_sent", NO_USAGE)
    assert not candidate.model.calls


async def test_a_broken_connection_may_be_billed_a_refused_one_is_not():
    lost = await complete(say(ConnectionResetError("gone"), price=(1.0, 1.0)), ASKED, BOOT)
    refused = await complete(say(ConnectionRefusedError("nobody there"), price=(1.0, 1.0)), ASKED, BOOT)
    assert lost.call_cost["usage"]["estimated"]
    assert lost.call_cost["usd"] > 0
    assert refused.call_cost["usage"] == NO_USAGE


@pytest.mark.parametrize("reason", ["SAFETY", "refusal", "RECITATION"])
async def test_the_filter_reasons_of_other_providers_are_recognized(reason):
    completion = await complete(say(Reply("I will", finish_reason=reason)), ASKED, BOOT)
    assert completion.failure["cause"] == "content_filter"


class Stubborn(ScriptedChatModel):
    """A client that converts a cancellation to an error of its own, as some do on Python 3.11."""

    async def _agenerate(self, *args, **kwargs):
        try:
            return await super()._agenerate(*args, **kwargs)
        except asyncio.CancelledError as exc:
            raise ConnectionError("connection error") from exc


async def test_a_cancellation_that_a_client_converts_to_an_error_is_raised():
    begun = asyncio.Event()

    def hang(_):
        begun.set()
        return Reply("", hang=True)

    call = asyncio.create_task(complete(Candidate("a", Stubborn(responses=hang)), ASKED, BOOT))
    await begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


# tools and schemas -----------------------------------------------------------------------------------------

TOOL = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
OFFERED = make_request(tools=[TOOL])
CALL = {"name": "weather", "args": {"city": "Rome"}, "id": "c1", "type": "tool_call"}
BROKEN = {"name": "weather", "args": '{"city": ', "id": "c1", "error": None, "type": "invalid_tool_call"}


class Verbatim(GenericFakeChatModel):
    """Returns its message with all fields, with or without tools."""

    def bind_tools(self, tools, **kwargs):
        return self.bind(tools=tools, **kwargs)


async def replied(message, call, request=OFFERED):
    model = Verbatim(messages=iter([message]))
    return await complete(Candidate("a", model), ASKED, replace(call, request=request))


async def test_tools_are_sent_with_the_cap_and_the_stop_texts():
    candidate = say(Reply("", tool_calls=[CALL]))
    request = make_request(tools=[TOOL], tool_choice="required", parallel_tool_calls=False, stop=["END"])
    await complete(candidate, ASKED, replace(BOOT, max_tokens=50, request=request))
    assert dict(candidate.model.calls[0].kwargs) == {
        "tools": [{"type": "function", "function": TOOL}],
        "tool_choice": "any",
        "parallel_tool_calls": False,
        "max_tokens": 50,
        "stop": ["END"],
    }


@pytest.mark.parametrize("stream_to_user", [True, False])
async def test_a_reply_with_tool_calls_is_recorded_with_its_blocks(stream_to_user):
    content = [{"type": "text", "text": "Let me look."}, {"type": "tool_use", "id": "c1", "name": "weather"}]
    completion = await replied(AIMessage(content, tool_calls=[CALL]), generate(stream_to_user=stream_to_user))
    assert completion.failure is None
    assert completion.text == "Let me look."
    assert completion.tool_call_message == {
        "content": content,
        "tool_calls": [CALL],
        "additional_kwargs": {},
        "response_metadata": {},
    }


async def test_a_tool_call_without_text_is_not_empty():
    completion = await complete(say(Reply("", tool_calls=[CALL])), ASKED, generate(request=OFFERED))
    assert (completion.failure, completion.text) == (None, "")
    assert completion.finished


@pytest.mark.parametrize("broken", [{"tool_calls": [CALL]}, {"invalid_tool_calls": [BROKEN]}])
@pytest.mark.parametrize(("call", "cause"), [(BOOT, None), (generate(max_tokens=3), "bad_response")])
async def test_a_truncated_tool_call_is_a_failure_of_an_answer_but_not_of_a_boot(broken, call, cause):
    """Some providers complete the JSON of a truncated call: only the finish reason shows it."""
    message = AIMessage("", **broken, response_metadata={"finish_reason": "length"})
    completion = await replied(message, call)
    assert (completion.failure and completion.failure["cause"]) == cause
    assert completion.tool_call_message is None
    assert not completion.finished


async def test_an_invalid_tool_call_is_billed():
    counts = {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12}
    completion = await replied(AIMessage("", invalid_tool_calls=[BROKEN], usage_metadata=counts), generate())
    assert completion.failure == {"cause": "invalid", "message": "the arguments of weather are not JSON"}
    assert completion.call_cost["usage"]["output_tokens"] == 3


async def test_a_filtered_tool_call_is_a_content_filter_failure():
    message = AIMessage("", tool_calls=[CALL], response_metadata={"finish_reason": "content_filter"})
    assert (await replied(message, generate())).failure["cause"] == "content_filter"


@pytest.mark.parametrize("request_", [make_request(), OFFERED.without_calls()])
async def test_a_tool_call_without_offered_tools_is_a_failure(request_):
    completion = await replied(AIMessage("", tool_calls=[CALL]), generate(), request_)
    assert completion.failure["cause"] == "bad_response"


@pytest.mark.parametrize(
    ("mode", "sent"), [("json_schema", "json_schema"), ("json_object", "json_object"), (None, None)]
)
async def test_the_schema_of_the_request_is_sent_in_the_json_mode_of_the_candidate(mode, sent):
    candidate = say('{"score": 3}', json_mode=mode)
    completion = await complete(candidate, ASKED, generate(request=make_request(response_format=Verdict)))
    call = candidate.model.calls[0]
    assert call.kwargs.get("response_format", {}).get("type") == sent
    assert list(call.messages[:1]) == ASKED
    assert ("JSON schema of Verdict" in call.messages[-1].text) is (mode != "json_schema")
    assert completion.failure is None


async def test_a_reply_that_violates_the_schema_is_a_failure_that_is_billed():
    completion = await complete(
        say('{"score": "high"}'), ASKED, generate(request=make_request(response_format=Verdict))
    )
    assert completion.failure == {"cause": "invalid", "message": "score: 'high' is not of type 'integer'"}
    assert completion.call_cost["usage"]["output_tokens"] > 0


@pytest.mark.parametrize("reference", ["#/$defs/Missing", "#"])
async def test_a_schema_with_a_bad_reference_is_an_error_or_a_failure(reference):
    described = {"name": "T", "schema": {"properties": {"a": {"$ref": reference}}, "allOf": [{"$ref": reference}]}}
    with suppress(QueryError):
        request = make_request(response_format={"type": "json_schema", "json_schema": described})
        await complete(say('{"a": {}}'), ASKED, generate(request=request))


# metadata, and completions that are saved ------------------------------------------------------------------


def with_logprobs(*entries):
    return {"logprobs": {"content": list(entries), "refusal": None}, "model_name": "m-1", "system_fingerprint": "fp_1"}


async def test_the_metadata_of_a_reply_is_kept_without_the_alternatives():
    entry = {"token": "Four", "logprob": -0.5, "bytes": [70], "top_logprobs": [{"token": "Five", "logprob": -1}]}
    candidate = saying(finish_reason="stop", headers={"x-api-key": "secret"}, **with_logprobs(entry))
    assert (await complete(candidate, ASKED, BOOT)).metadata == {
        "logprobs": {"content": [{"token": "Four", "logprob": -0.5}]},
        "system_fingerprint": "fp_1",
        "model_name": "m-1",
    }


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"logprobs": None, "system_fingerprint": "", "model_name": None},
        {"logprobs": [1], "system_fingerprint": {}, "model_name": 4},
        {"logprobs": {"content": [{"token": "a"}, {"logprob": 1}, "a", {"token": "a", "logprob": float("nan")}]}},
    ],
)
async def test_metadata_that_is_missing_or_malformed_is_left_out(metadata):
    assert (await complete(saying(**metadata), ASKED, BOOT)).metadata == {}


async def test_a_saved_completion_is_restored_from_json():
    candidate = saying(**with_logprobs({"token": "Four", "logprob": -0.5}))
    completion = await complete(candidate, ASKED, BOOT)
    completion = replace(completion, earlier=(completion.call_cost,))
    assert Completion.restore(json.loads(json.dumps(asdict(completion)))) == completion


async def test_a_replayed_completion_is_recorded_with_all_its_calls():
    completion = await complete(say("Four."), ASKED, BOOT)
    completion = replace(completion, earlier=({**completion.call_cost, "outcome": "lost"},))
    with record_calls() as call_costs:
        record_completion(completion)
    assert call_costs == completion.call_costs
    assert [cost["outcome"] for cost in call_costs] == ["lost", "completed"]
    record_completion(completion)
    assert len(call_costs) == 2


async def test_a_call_that_an_early_stop_ends_is_recorded_like_any_other():
    early_stop = EarlyStop(EarlyStopRules(1))
    with record_calls() as call_costs:
        await complete(say("Four."), ASKED, BOOT, early_stop=early_stop)
        early_stop.report("b", "4")
        await complete(say("Four."), ASKED, BOOT, early_stop=early_stop)
    assert [cost["outcome"] for cost in call_costs] == ["completed", "not_sent"]
