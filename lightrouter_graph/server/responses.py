"""An answer becomes a chat completion."""

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionMessage
from openai.types.chat.chat_completion import Choice
from openai.types.chat.chat_completion_message_function_tool_call import ChatCompletionMessageFunctionToolCall, Function
from openai.types.completion_usage import CompletionTokensDetails, PromptTokensDetails

from lightrouter_graph.server.errors import SETTINGS
from lightrouter_graph.server.requests import Ask

Decision = Mapping[str, Any]

_REASONS = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "safety": "content_filter",
    "refusal": "content_filter",
}


def completion_of(message: AIMessage, ask: Ask, completion_id: str) -> ChatCompletion:
    """Write a whole answer as the API does, with the decision record if it was asked for."""
    calls = _tool_calls(message)
    text: str | None = str(message.text) or (None if calls else "")
    reply: Any = {"role": "assistant", "content": text, "refusal": None}
    if calls:
        reply["tool_calls"] = calls
    reason: Any = finish_reason(told_reason(message.response_metadata), has_calls=bool(calls))
    choice = Choice(index=0, finish_reason=reason, logprobs=None, message=ChatCompletionMessage(**reply))
    extra: Any = decision_field(decision_of(message.response_metadata), ask)
    if message.usage_metadata is not None:
        extra["usage"] = usage_of(message.usage_metadata)
    return ChatCompletion(
        id=completion_id, object="chat.completion", created=int(time.time()), model=ask.model, choices=[choice], **extra
    )


def headers_of(decision: Decision | None) -> dict[str, str]:
    """Say in headers who merged the answer, in how many calls, and for how much; nothing without a record."""
    if decision is None:
        return {}
    bill = decision.get("bill", {})
    usd = bill.get("usd")
    told = {
        "x-lightrouter-model": quote(str(decision.get("merged_by", "")), safe="/:@ ,+()"),
        "x-lightrouter-calls": str(bill.get("calls", "")),
        "x-lightrouter-usd": "" if usd is None else f"{usd:.9f}",
    }
    return {name: value for name, value in told.items() if value}


def usage_of(usage: UsageMetadata) -> CompletionUsage:
    """Say a usage in the API's words."""
    cached = usage.get("input_token_details", {}).get("cache_read") or 0
    reasoning = usage.get("output_token_details", {}).get("reasoning") or 0
    return CompletionUsage(
        prompt_tokens=usage["input_tokens"],
        completion_tokens=usage["output_tokens"],
        total_tokens=usage["total_tokens"],
        prompt_tokens_details=PromptTokensDetails(cached_tokens=cached),
        completion_tokens_details=CompletionTokensDetails(reasoning_tokens=reasoning),
    )


def told_reason(metadata: Mapping[str, Any]) -> str | None:
    """Return why a model says it stopped, in its provider's words."""
    found = (metadata.get(name) for name in ("finish_reason", "stop_reason", "done_reason"))
    return next((str(reason).lower() for reason in found if reason), None)


def finish_reason(told: str | None, *, has_calls: bool) -> str:
    """Bring a finish reason into the few words the API has."""
    reason = _REASONS.get(told or "", "stop")
    return "tool_calls" if has_calls and reason == "stop" else reason


def decision_of(metadata: Mapping[str, Any]) -> Decision | None:
    """Return the decision record, if there is one."""
    record = metadata.get(SETTINGS)
    return record if isinstance(record, Mapping) else None


def decision_field(decision: Decision | None, ask: Ask) -> dict[str, Any]:
    """Return the field that carries the record, where it is wanted."""
    return {SETTINGS: dict(decision)} if decision is not None and ask.show_decision else {}


def new_call_id() -> str:
    """Name a tool call whose model gave it no name, which clients need to answer it."""
    return f"call_{uuid.uuid4().hex[:24]}"


def _tool_calls(message: AIMessage) -> list[ChatCompletionMessageFunctionToolCall]:
    """All calls, those with broken arguments as they were written: the API leaves it to the client to check them."""
    whole = [(call["id"], call["name"], json.dumps(call["args"], ensure_ascii=False)) for call in message.tool_calls]
    broken = [(call["id"], call["name"] or "", call["args"] or "") for call in message.invalid_tool_calls]
    return [
        ChatCompletionMessageFunctionToolCall(
            id=call_id or new_call_id(), type="function", function=Function(name=name, arguments=arguments)
        )
        for call_id, name, arguments in [*whole, *broken]
    ]
