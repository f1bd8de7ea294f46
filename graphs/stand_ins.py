"""Stand-ins for models, so that the graphs run before any model is configured: they do arithmetic and nothing else.

They are scripts and say so. One of the three takes a product for a sum, so that there is something to select.
"""

import ast
import operator
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage

from graphs.arithmetic import OPERATORS, Operators, evaluate, find_expression, show
from lightrouter_graph import Candidate, Pool
from lightrouter_graph.testing import ScriptedChatModel

HOW_TO_CONFIGURE = (
    "No model is configured, so stand-ins answer, and arithmetic is all they can do (try: What is 17 * 23?). "
    "To ask real models, put a key such as OPENAI_API_KEY into .env, start Ollama, or name your models in "
    "lightrouter.toml; then start the server again."
)
_PRODUCT_TAKEN_FOR_SUM: Operators = {**OPERATORS, ast.Mult: operator.add}


def stand_ins() -> Pool:
    """Build three stand-ins; the second cannot multiply."""
    return Pool(
        [
            Candidate("stand-in-a", _stand_in("stand-in-a")),
            Candidate("stand-in-b", _stand_in("stand-in-b", _PRODUCT_TAKEN_FOR_SUM)),
            Candidate("stand-in-c", _stand_in("stand-in-c")),
        ]
    )


def _stand_in(name: str, operators: Operators = OPERATORS) -> ScriptedChatModel:
    def respond(messages: Sequence[BaseMessage]) -> AIMessage:
        return _reply(messages, _tools_offered(model, messages), name, operators)

    model = ScriptedChatModel(responses=respond, name=name)
    return model


def _reply(
    messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]], name: str, operators: Operators
) -> AIMessage:
    turn = list(takewhile(lambda message: not isinstance(message, AIMessage), reversed(messages)))
    returned = next((message for message in turn if isinstance(message, ToolMessage)), None)
    if returned is not None and returned.status == "error":
        return AIMessage(f"The tool {returned.name} failed: {returned.text}")
    if returned is not None:
        return _sentence(name, f"asked {returned.name}", str(returned.text))
    # LightRouter puts what it asks of a model after the question: the latest message with arithmetic in it counts.
    asked = (find_expression(str(message.text)) for message in turn if isinstance(message, HumanMessage))
    expression = next(filter(None, asked), None)
    if expression is None:
        return AIMessage(HOW_TO_CONFIGURE)
    call = next(_fitting_calls(tools, expression), None)
    if call is not None:
        return AIMessage("", tool_calls=[call])
    return _sentence(name, f"worked out {expression}", _work_out(expression, operators))


def _sentence(name: str, how: str, result: str) -> AIMessage:
    return AIMessage(f"The answer is {result}. I am {name}, which stands in for a model, and {how}.")


def _work_out(expression: str, operators: Operators) -> str:
    try:
        return show(evaluate(expression, operators))
    except ZeroDivisionError:
        return "undefined"


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
