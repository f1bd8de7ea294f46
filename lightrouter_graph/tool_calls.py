"""Tool calls in a conversation: each has one result, and an id of its own."""

import uuid
from collections.abc import Iterable, Sequence

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from lightrouter_graph.records import Proposal


def unpaired_calls(messages: Sequence[BaseMessage]) -> str:
    """Say which calls lack their result, or which results their call; "" where all are paired.

    Providers refuse such a conversation, each with a message of its own: here the calls are named before anybody is
    asked. The results of a message's calls must follow it before anybody else speaks.
    """
    open_calls: dict[str | None, str] = {}
    called: set[str | None] = set()
    for message in messages:
        if isinstance(message, ToolMessage):
            if message.tool_call_id not in called:
                named = f" of {message.name!r}" if message.name else ""
                return f"the conversation holds a tool result{named} for {message.tool_call_id!r}, which nobody called"
            open_calls.pop(message.tool_call_id, None)
            continue
        if open_calls:
            break
        calls = message.tool_calls if isinstance(message, AIMessage) else []
        open_calls = {call["id"]: call["name"] for call in calls}
        broken = message.invalid_tool_calls if isinstance(message, AIMessage) else []
        called = {*open_calls, *(call["id"] for call in broken)}
    if not open_calls:
        return ""
    named = ", ".join(f"{name} ({call_id})" for call_id, name in open_calls.items())
    return f"the conversation has tool calls without a result: {named}; add a ToolMessage for each"


def with_unique_ids(proposal: Proposal, messages: Iterable[BaseMessage]) -> Proposal:
    """Give each call an id that no other call of the conversation has.

    Some servers number the calls of each reply anew, or give none. An id that is unique is left as it is; a new one is
    also set in the provider's own blocks.
    """
    taken = {call["id"] for message in messages if isinstance(message, AIMessage) for call in message.tool_calls}
    calls, renamed = [], {}
    for call in proposal["tool_calls"]:
        given = call["id"]
        if not given or given in taken:
            call = {**call, "id": f"call_{uuid.uuid4().hex[:24]}"}  # noqa: PLW2901 - the renamed call takes its place
            renamed[given] = call["id"]
        taken.add(call["id"])
        calls.append(call)
    if not renamed:
        return proposal
    content = proposal["content"]
    if not isinstance(content, str):
        content = [
            {**b, "id": renamed[b["id"]]} if isinstance(b, dict) and b.get("id") in renamed else b for b in content
        ]
    return {**proposal, "content": content, "tool_calls": calls}
