"""Stand-ins for models that call tools, so that the agent runs before any model is configured.

They are scripts and say so: they find the arithmetic in a question, hand it to a tool and say what came back.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage

from graphs.arithmetic import find_expression
from lightrouter_graph import Candidate, Pool
from lightrouter_graph.testing import ScriptedChatModel

HOW_TO_CONFIGURE = (
    "No model is configured, so stand-ins answer, and handing arithmetic to a tool is all they can do (try: What is "
    "17 * 23?). To ask real models, put a key such as OPENAI_API_KEY into .env, start Ollama, or name your models in "
    "lightrouter.toml; then start the server again."
)


def stand_ins() -> Pool:
    """Build three stand-ins."""
    return Pool([Candidate(name, _stand_in(name)) for name in ("stand-in-a", "stand-in-b", "stand-in-c")])


def _stand_in(name: str) -> ScriptedChatModel:
    def respond(messages: Sequence[BaseMessage]) -> AIMessage:
        return _reply(messages, _tools_offered(model, messages), name)

    model = ScriptedChatModel(responses=respond, name=name)
    return model


def _reply(messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]], name: str) -> AIMessage:
    turn = list(takewhile(lambda message: not isinstance(message, AIMessage), reversed(messages)))
    returned = next((message for message in turn if isinstance(message, ToolMessage)), None)
    if returned is not None and returned.status == "error":
        return AIMessage(f"The tool {returned.name} failed: {returned.text}")
    if returned is not None:
        who = f"I am {name}, which stands in for a model, and asked {returned.name}."
        return AIMessage(f"The answer is {returned.text}. {who}")
    # LightRouter puts what it asks of a model after the question: the latest message with arithmetic in it counts.
    asked = (find_expression(str(message.text)) for message in turn if isinstance(message, HumanMessage))
    expression = next(filter(None, asked), None)
    call = next(_fitting_calls(tools, expression), None) if expression else None
    return AIMessage("", tool_calls=[call]) if call else AIMessage(HOW_TO_CONFIGURE)


def _tools_offered(model: ScriptedChatModel, messages: Sequence[BaseMessage]) -> Sequence[Mapping[str, Any]]:
    """Find the tools of the call at hand: a script sees its messages alone, the model's log all of it."""
    call = next(call for call in reversed(model.calls) if call.messages is messages)
    return () if call.kwargs.get("tool_choice") == "none" else call.kwargs.get("tools", ())


def _fitting_calls(tools: Sequence[Mapping[str, Any]], argument: str) -> Iterator[ToolCall]:
    """Call each tool that asks for one text and nothing else."""
    for tool in tools:
        function = tool["function"]
        required = function["parameters"].get("required", [])
        if len(required) == 1 and function["parameters"]["properties"][required[0]].get("type") == "string":
            yield ToolCall(name=function["name"], args={required[0]: argument}, id=f"call_{function['name']}")
