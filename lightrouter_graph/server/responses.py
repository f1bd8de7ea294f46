"""Converts an answer to a chat completion and its response headers."""

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

from lightrouter_graph.llm.reply_end import EndKind, end_kind, reason_in
from lightrouter_graph.server.errors import SETTINGS
from lightrouter_graph.server.requests import ChatRequest

Decision = Mapping[str, Any]

_REASONS: Mapping[EndKind, str] = {"complete": "stop", "filtered": "content_filter"}
"""Finish reasons of the API; every other end is reported as "length": the reply is incomplete."""


def completion_of(message: AIMessage, request: ChatRequest, completion_id: str) -> ChatCompletion:
    """Convert an answer to a chat completion.

    Args:
        message: The answer.
        request: The request; decides whether the decision record is included.
        completion_id: `id` of the completion.
    """
    calls = _tool_calls(message)
    text: str | None = str(message.text) or (None if calls else "")
    reply: Any = {"role": "assistant", "content": text, "refusal": None}
    if calls:
        reply["tool_calls"] = calls
    reason: Any = finish_reason(provider_reason(message), has_calls=bool(calls))
    choice = Choice(index=0, finish_reason=reason, logprobs=None, message=ChatCompletionMessage(**reply))
    extra: Any = decision_field(decision_of(message), request)
    if message.usage_metadata is not None:
        extra["usage"] = usage_of(message.usage_metadata)
    return ChatCompletion(
        id=completion_id,
        object="chat.completion",
        created=int(time.time()),
        model=request.model,
        choices=[choice],
        **extra,
    )


def headers_of(decision: Decision | None) -> dict[str, str]:
    """Return the response headers with model, number of calls and cost.

    Args:
        decision: Decision record; None = no headers.
    """
    if decision is None:
        return {}
    bill = decision.get("bill", {})
    usd = bill.get("usd")
    headers = {
        "x-lightrouter-model": quote(str(decision.get("merged_by", "")), safe="/:@ ,+()"),
        "x-lightrouter-calls": str(bill.get("calls", "")),
        "x-lightrouter-usd": "" if usd is None else f"{usd:.9f}",
    }
    return {name: value for name, value in headers.items() if value}


def usage_of(usage: UsageMetadata) -> CompletionUsage:
    """Convert token counts to the usage object of the API.

    Args:
        usage: Usage metadata of a LangChain message.
    """
    cached = usage.get("input_token_details", {}).get("cache_read") or 0
    reasoning = usage.get("output_token_details", {}).get("reasoning") or 0
    return CompletionUsage(
        prompt_tokens=usage["input_tokens"],
        completion_tokens=usage["output_tokens"],
        total_tokens=usage["total_tokens"],
        prompt_tokens_details=PromptTokensDetails(cached_tokens=cached),
        completion_tokens_details=CompletionTokensDetails(reasoning_tokens=reasoning),
    )


def provider_reason(message: AIMessage) -> str | None:
    """Return the finish reason as the provider names it; None if the message has none.

    Args:
        message: A response of a chat model, or a chunk of one.
    """
    return reason_in(message.response_metadata)


def finish_reason(reason: str | None, *, has_calls: bool) -> str:
    """Map a provider's finish reason to one of the API.

    Args:
        reason: Finish reason of the provider; an unknown one is mapped to "length", since the reply may be incomplete.
        has_calls: Whether the message has tool calls.
    """
    found = _REASONS.get(end_kind(reason), "length")
    return "tool_calls" if has_calls and found == "stop" else found


def decision_of(message: AIMessage) -> Decision | None:
    """Return the decision record of a message or chunk; None if the model is not LightRouter.

    Args:
        message: A response of a chat model, or a chunk of one.
    """
    record = message.response_metadata.get(SETTINGS)
    return record if isinstance(record, Mapping) else None


def decision_field(decision: Decision | None, request: ChatRequest) -> dict[str, Any]:
    """Return the response field with the decision record, if the request asks for it.

    Args:
        decision: The decision record; None if the model is not LightRouter.
        request: The parsed request of the client.
    """
    return {SETTINGS: dict(decision)} if decision is not None and request.show_decision else {}


def new_call_id() -> str:
    """Return an id for a tool call without one: clients need it for the tool message."""
    return f"call_{uuid.uuid4().hex[:24]}"


def _tool_calls(message: AIMessage) -> list[ChatCompletionMessageFunctionToolCall]:
    """Convert all tool calls. Invalid arguments are passed unchanged: in the API the client validates them."""
    valid = [(call["id"], call["name"], json.dumps(call["args"], ensure_ascii=False)) for call in message.tool_calls]
    invalid = [(call["id"], call["name"] or "", call["args"] or "") for call in message.invalid_tool_calls]
    return [
        ChatCompletionMessageFunctionToolCall(
            id=call_id or new_call_id(), type="function", function=Function(name=name, arguments=arguments)
        )
        for call_id, name, arguments in [*valid, *invalid]
    ]
