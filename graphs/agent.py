"""Agent with a tool and LightRouter as its model: candidates propose tool calls, the winning call is executed."""

from langchain.agents import create_agent
from langchain_core.tools import StructuredTool, ToolException
from pydantic import BaseModel, ConfigDict, Field

from graphs.arithmetic import evaluate, show
from graphs.pool import open_pool
from lightrouter_graph import ChatLightRouter, Context


class Settings(BaseModel):
    """Settings of the agent: the LightRouter settings of its model."""

    model_config = ConfigDict(extra="forbid")

    lightrouter: Context | None = Field(
        default=None,
        description="Settings of LightRouter, such as top_k; empty = its defaults.",
        json_schema_extra={"langgraph_nodes": ["model"]},
    )


def calculate(expression: str) -> str:
    """Evaluate an arithmetic expression exactly: numbers, + - * / and parentheses, e.g. (12 + 3) * 4 / 5."""
    try:
        return show(evaluate(expression))
    except ZeroDivisionError as exc:
        msg = "division by zero"
        raise ToolException(msg) from exc
    except (ValueError, OverflowError) as exc:
        raise ToolException(str(exc)) from exc


graph = create_agent(
    ChatLightRouter(pool=open_pool(tools=True)),
    [StructuredTool.from_function(calculate, handle_tool_error=True)],
    system_prompt="Use the tool for every calculation; answer in a sentence or two.",
    context_schema=Settings,
    name="agent",
)
