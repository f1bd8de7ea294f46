"""The final message of a run: its content, its usage and its decision record."""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage

from lightrouter_graph.aggregators import Merged
from lightrouter_graph.llm.tool_calls import with_unique_ids
from lightrouter_graph.nodes.decision_record import Decision, with_old_decision_keys
from lightrouter_graph.reasoning import streamable_prefix, strip_reasoning
from lightrouter_graph.records import Answer, CallCost
from lightrouter_graph.state import State
from lightrouter_graph.state_queries import LayerView
from lightrouter_graph.telemetry.bill import usage_metadata
from lightrouter_graph.telemetry.tracing import chat_model_mode, trace_decision


def answer_message(state: State, merged: Merged, decision: Decision) -> AIMessage:
    """Return the message that a run appends to the conversation.

    Args:
        state: State of the run.
        merged: The answer.
        decision: The decision record.
    """
    content, metadata = _content(merged, state)
    return AIMessage(
        **content,
        id=merged.message_id,
        usage_metadata=usage_metadata(decision["bill"]["usage"]),
        response_metadata={
            **metadata,
            "model_name": "lightrouter",
            "finish_reason": merged.finish_reason,
            "lightrouter": with_old_decision_keys({**decision, **trace_decision(decision)}),
        },
    )


def _content(merged: Merged, state: State) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return content and tool calls of the answer, and the response metadata that LangChain needs to read them."""
    if merged.tool_call_message is None:
        return {"content": _visible(merged)}, {}
    message = with_unique_ids(merged.tool_call_message, state["messages"])
    content = {name: message[name] for name in ("content", "tool_calls", "additional_kwargs")}
    return content, message["response_metadata"]


def _visible(merged: Merged) -> str:
    """Return the text without its reasoning, unless a chat model's stream has already shown that reasoning."""
    text = strip_reasoning(merged.text)
    streamed = merged.message_id is not None and chat_model_mode() == "stream"
    shown = streamable_prefix(merged.text)
    return merged.text if streamed and shown.strip() and not text.startswith(shown) else text


def answer_tokens(merged: Merged, answers: Sequence[Answer], costs: Sequence[CallCost], view: LayerView) -> int:
    """Return the length of the final answer in tokens: of the merge calls, or of the answer that passed through.

    Args:
        merged: The answer.
        answers: The answers that were merged.
        costs: Costs of the merge calls.
        view: The last layer.
    """
    if written := sum(cost["usage"]["output_tokens"] for cost in costs):
        return written
    boots = [boot for boot in view.state["boots"] if boot["candidate"] == merged.candidate]
    passed = {answer["candidate"]: answer for answer in answers}.get(merged.candidate, answers[0])
    begun = boots[-1]["usage"]["output_tokens"] if boots and passed["via"] != "regeneration" else 0
    return begun + passed["usage"]["output_tokens"]
