"""What is asked and answered, in this process or through a server."""

from typing import Any

QUESTION = "What is 17 * 23?"


def ask(question: str = QUESTION) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}]}


def settings_for(name: str, **settings: Any) -> dict[str, Any]:
    """Say settings of LightRouter in the words of a graph's own context."""
    return settings if name == "lightrouter" else {"lightrouter": settings}
