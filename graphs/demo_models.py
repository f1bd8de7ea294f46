"""Scripted models that call tools, so that the agent runs before any model is configured.

They call a tool with the arithmetic expression of the question and answer with its result.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage

from graphs.arithmetic import find_expression
from lightrouter_graph import Candidate, Pool
from lightrouter_graph.testing import ScriptedChatModel

HOW_TO_CONFIGURE = (
    "No model is configured, so scripted demo models answer. They can only call a tool with an arithmetic expression "
    "(try: What is 17 * 23?). For real models, put a key such as OPENAI_API_KEY into .env, start Ollama, or list your "
    "models in lightrouter.toml; then restart the server."
)


def tool_calling_pool() -> Pool:
    """Return a pool of three scripted models."""
    return Pool([Candidate(name, _demo_model(name)) for name in ("demo-a", "demo-b", "demo-c")])


def _demo_model(name: str) -> ScriptedChatModel:
    def _respond(messages: Sequence[BaseMessage]) -> AIMessage:
        return _reply(messages, _tools_offered(model, messages), name)

    model = ScriptedChatModel(responses=_respond, name=name)
    return model


def _reply(messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]], name: str) -> AIMessage:
    turn = list(takewhile(lambda message: not isinstance(message, AIMessage), reversed(messages)))
    returned = next((message for message in turn if isinstance(message, ToolMessage)), None)
    if returned is not None and returned.status == "error":
        return AIMessage(f"The tool {returned.name} failed: {returned.text}")
    if returned is not None:
        return AIMessage(f"The answer is {returned.text}. ({name}, a scripted demo model, called {returned.name}.)")
    # LightRouter appends its own messages to the question: the latest message with an expression counts.
    found = (find_expression(str(message.text)) for message in turn if isinstance(message, HumanMessage))
    expression = next(filter(None, found), None)
    call = next(_fitting_calls(tools, expression), None) if expression else None
    return AIMessage("", tool_calls=[call]) if call else AIMessage(HOW_TO_CONFIGURE)


def _tools_offered(model: ScriptedChatModel, messages: Sequence[BaseMessage]) -> Sequence[Mapping[str, Any]]:
    """Return the tools of the current call, from the model's log: a script receives messages only."""
    call = next(call for call in reversed(model.calls) if call.messages is messages)
    return () if call.kwargs.get("tool_choice") == "none" else call.kwargs.get("tools", ())


def _fitting_calls(tools: Sequence[Mapping[str, Any]], argument: str) -> Iterator[ToolCall]:
    """Yield a call for each tool that has a string as its only required argument."""
    for tool in tools:
        function = tool["function"]
        required = function["parameters"].get("required", [])
        if len(required) == 1 and function["parameters"]["properties"][required[0]].get("type") == "string":
            yield ToolCall(name=function["name"], args={required[0]: argument}, id=f"call_{function['name']}")
