"""Questions and expected answers of the graphs, in process and through a server."""

from typing import Any

QUESTION = "Mia has 47 apples and gets 38 more. How many apples does Mia have now?"
EXPRESSION = "47 + 38"
FOR_A_TOOL = f"What is {EXPRESSION}?"
RESULT = "The answer is 85."


def ask(question: str = QUESTION) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}]}


def ask_graph(name: str) -> dict[str, Any]:
    """Return a question that the demo models of a graph can answer."""
    return ask(FOR_A_TOOL if name == "agent" else QUESTION)


def settings_for(name: str, **settings: Any) -> dict[str, Any]:
    """Return LightRouter settings as the context of a graph takes them."""
    return settings if name == "lightrouter" else {"lightrouter": settings}
