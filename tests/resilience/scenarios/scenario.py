"""What a scenario is: what each model's endpoint does, what is asked, and what is right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from langchain_core.messages import BaseMessage, HumanMessage
from resilience.scenarios.checks import answers
from resilience.scenarios.outcome import Check
from resilience.scenarios.replies import RIGHT, say
from resilience.scenarios.wire import Respond

from lightrouter_graph import Price

Mode = Literal["plain", "streamed", "spec", "served"]
"""How a scenario is played: with ChatOpenAI that never streams, with ChatOpenAI under a deadline, so that replies are
streamed, with spec strings under a deadline, or with ChatOpenAI behind this package's own server.
"""

BOTH: tuple[Mode, ...] = ("plain", "streamed")
QUESTION = "What is 17 * 23?"
ESSAY = "Describe the river behind the mill."
PRICE = Price(1.0, 10.0)
HEALTHY = say(RIGHT)


@dataclass(frozen=True, slots=True)
class Member:
    """One candidate of a scenario's pool.

    Attributes:
        respond: What its endpoint does.
        model: Name of the model; None is the candidate's own name.
        address: First part of the path of its endpoint; None is the candidate's own name. With "" the candidates
            share one address.
        price: Its price.
        client: Arguments of `ChatOpenAI`.
        candidate: Arguments of `Candidate`.
        spec: Spec string with {url} for its address, in the mode `spec`; None is `vllm:NAME@{url}`.
    """

    respond: Respond
    model: str | None = None
    address: str | None = None
    price: Price | None = PRICE
    client: Mapping[str, Any] = field(default_factory=dict)
    candidate: Mapping[str, Any] = field(default_factory=dict)
    spec: str | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing that an endpoint does, and what is right.

    Attributes:
        kind: The kind it belongs to.
        name: Unique name within the kind; letters, digits and dashes.
        models: What each candidate's endpoint does, by name, in pool order.
        right: Checks beside those that hold for every scenario.
        question: The conversation.
        settings: Settings of the run; `turn_settings` lays others over them, turn by turn.
        arguments: Arguments of the chat model's call; with any, it is played through `ChatLightRouter`.
        tools: Tools that are bound.
        turns: How often the same is asked of the same pool.
        loops: Whether a proposed tool call is executed and asked again.
        modes: How it is played.
        exact: Whether the bill must equal what the endpoints report.
        cpu_s: Most CPU time.
        limit_s: Deadline of one turn.
        grows: Most growth of the resident memory, in bytes; None does not measure it.
        slow: Whether it takes seconds.
    """

    kind: str
    name: str
    models: Mapping[str, Member]
    right: tuple[Check, ...] = ()
    question: Sequence[BaseMessage | tuple[str, Any] | dict[str, Any]] = (HumanMessage(QUESTION),)
    settings: Mapping[str, Any] = field(default_factory=dict)
    turn_settings: tuple[Mapping[str, Any], ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[Any, ...] = ()
    turns: int = 1
    loops: bool = False
    modes: tuple[Mode, ...] = BOTH
    exact: bool = False
    cpu_s: float = 1.5
    limit_s: float = 3.0
    grows: int | None = None
    slow: bool = False

    @property
    def through_chat_model(self) -> bool:
        return bool(self.arguments or self.tools or self.loops)


def members(models: Mapping[str, Respond | Member]) -> dict[str, Member]:
    """Wrap what responds into members with the usual rest."""
    return {name: model if isinstance(model, Member) else Member(model) for name, model in models.items()}


def scenario(kind: str, name: str, models: Respond | Mapping[str, Any], *right: Check, **others: Any) -> Scenario:
    """Build a scenario.

    Args:
        kind: Its kind.
        name: Its name; characters that a test id cannot have are replaced.
        models: What responds, by candidate; one alone is candidate "a".
        *right: What must hold of the outcome.
        **others: Other fields of `Scenario`.
    """
    by_name = members(models if isinstance(models, Mapping) else {"a": models})
    return Scenario(kind, slug(name), by_name, right, **others)


def beside(kind: str, name: str, model: Respond | Member, *right: Check, **others: Any) -> Scenario:
    """Build a scenario of one odd endpoint in front of two healthy ones, whose answer must come."""
    by_name = members({"a": model, "b": HEALTHY, "c": HEALTHY})
    return Scenario(kind, slug(f"{name}-beside"), by_name, (answers(RIGHT), *right), **others)


def slow(made: Scenario) -> Scenario:
    """Mark a scenario that takes seconds or much memory."""
    return replace(made, slow=True)


def slug(name: str) -> str:
    """Turn any text into a test id."""
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.strip())
    return "-".join(part for part in kept.split("-") if part) or "empty"
