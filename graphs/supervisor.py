"""Parent graph with LightRouter as a node: greetings are answered directly, questions go to the models."""

import re
from typing import Literal

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command
from pydantic import BaseModel, ConfigDict, Field

from graphs.pool import open_pool
from lightrouter_graph import Context, create_lightrouter

_SMALL_TALK = re.compile(
    r"\W*(hi|hello|hey|good (morning|day|evening)|thanks|thank you|bye|goodbye)\b\W*", re.IGNORECASE
)


class Settings(BaseModel):
    """Settings of the parent graph; LightRouter reads its own under `lightrouter`."""

    model_config = ConfigDict(extra="forbid")

    greeting: str = Field(
        default="Hello! Ask me something.",
        description="Answer to small talk; no model is called.",
        json_schema_extra={"langgraph_nodes": ["small_talk"]},
    )
    lightrouter: Context | None = Field(
        default=None,
        description="Settings of LightRouter, such as top_k; empty = its defaults.",
        json_schema_extra={"langgraph_nodes": ["lightrouter"]},
    )


def triage(state: MessagesState) -> Command[Literal["small_talk", "lightrouter"]]:
    """Route the message, so that a greeting costs no model call."""
    small_talk = _SMALL_TALK.fullmatch(str(state["messages"][-1].text))
    return Command(goto="small_talk" if small_talk else "lightrouter")


def small_talk(state: MessagesState, runtime: Runtime[Settings]) -> dict[str, list[AIMessage]]:  # noqa: ARG001
    """Answer a greeting without a model."""
    return {"messages": [AIMessage((runtime.context or Settings()).greeting)]}


builder = StateGraph(MessagesState, Settings)
builder.add_node("triage", triage)
builder.add_node("small_talk", small_talk)
builder.add_node("lightrouter", create_lightrouter(open_pool()).compile(name="lightrouter"))
builder.add_edge(START, "triage")
builder.add_edge("small_talk", END)
builder.add_edge("lightrouter", END)
graph = builder.compile(name="supervisor")
