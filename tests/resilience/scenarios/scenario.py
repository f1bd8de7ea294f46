"""What a scenario is: what each model's endpoint does, what is asked, and what is right."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from resilience.scenarios.replies import RIGHT, say
from resilience.scenarios.wire import Request, Respond, Tokens

from lightrouter_graph import Price

Mode = Literal["plain", "streamed", "spec", "served"]
"""How a scenario is played: ChatOpenAI that never streams; ChatOpenAI under a deadline, so that replies are streamed; spec
strings under a deadline; or ChatOpenAI behind this package's own server.
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


@dataclass(slots=True)
class Outcome:
    """What came of playing a scenario.

    Attributes:
        messages: The answer of each turn.
        error: The exception that ended the last turn; None if there was none.
        seconds: The longest turn.
        cpu_s: CPU time of all turns.
        requests: Every request, in order; `turns_at` has the number of requests after each turn.
        told: Tokens that the endpoints reported in complete replies.
        sent: Bytes of bodies that the endpoints wrote.
        grown: Bytes by which the process's resident memory grew at its peak; 0 where that is not measured.
        logged: The formatted log records of the package.
        elsewhere: Requests that arrived at an address that no candidate has.
        left: Tasks and requests that were still there afterwards.
    """

    messages: list[AIMessage] = field(default_factory=list)
    error: BaseException | None = None
    seconds: float = 0.0
    cpu_s: float = 0.0
    requests: list[Request] = field(default_factory=list)
    turns_at: list[int] = field(default_factory=list)
    told: Tokens = (0, 0)
    sent: int = 0
    grown: int = 0
    logged: list[str] = field(default_factory=list)
    elsewhere: list[Request] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    @property
    def answer(self) -> AIMessage | None:
        return self.messages[-1] if self.error is None and self.messages else None

    @property
    def record(self) -> Mapping[str, Any]:
        """The decision record of the last answer; empty without one."""
        return {} if self.answer is None else self.answer.response_metadata.get("lightrouter", {})

    @property
    def bill(self) -> Mapping[str, Any]:
        """The bill of the last turn, whether it has an answer or an error."""
        return self.record.get("bill", {}) if self.error is None else getattr(self.error, "bill", {})

    @property
    def failures(self) -> Mapping[str, str]:
        """Why candidates failed, by name."""
        if self.error is not None:
            return getattr(self.error, "failures", {})
        return {c["candidate"]: c["why"] for c in self.record.get("candidates", ()) if c["outcome"] == "failed"}

    def requests_of(self, name: str) -> list[Request]:
        return [request for request in self.requests if request.model == name]

    def said(self) -> str:
        """Describe the end of the last turn."""
        if self.error is not None:
            return f"{type(self.error).__name__}: {self.error}"[:300]
        return "no answer" if self.answer is None else f"answered {str(self.answer.text)[:120]!r}"


Check = Callable[[Outcome], Iterable[str]]
"""Says what is wrong with an outcome; nothing if all is right."""


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
        arguments: Arguments of the chat model's call; with any, or with `tools`, it is played through `ChatLightRouter`.
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


# What is right --------------------------------------------------------------------------------------------------


def answers(text: str = RIGHT) -> Check:
    """The answer is this text."""

    def check(outcome: Outcome) -> Iterator[str]:
        if outcome.answer is None or str(outcome.answer.text) != text:
            yield f"{outcome.said()}, not {text!r}"

    return check


def complete(expected: bool = True) -> Check:
    """There is an answer, and its record says whether it is complete."""

    def check(outcome: Outcome) -> Iterator[str]:
        if outcome.record.get("complete") is not expected:
            yield f"complete is {outcome.record.get('complete')}, not {expected} ({outcome.said()})"

    return check


def never_complete(outcome: Outcome) -> Iterator[str]:
    """There is the one error, or an answer whose record says that it is incomplete."""
    if outcome.error is None and outcome.record.get("complete") is not False:
        yield f"said to be complete: {outcome.said()}"


def fails(cause: str, *words: str) -> Check:
    """Candidate "a" fails with this cause, and its message has these words."""

    def check(outcome: Outcome) -> Iterator[str]:
        why = outcome.failures.get("a", "")
        if why.partition(":")[0] != cause:
            yield f"the cause of a is {why[:160]!r}, not {cause} ({outcome.said()})"
        for word in words:
            if word not in why:
                yield f"{word!r} is not in {why[:160]!r}"

    return check


def fails_for_another_cause(cause: str) -> Check:
    """Candidate "a" fails, but not with this cause."""

    def check(outcome: Outcome) -> Iterator[str]:
        why = outcome.failures.get("a", "")
        if not why or why.partition(":")[0] == cause:
            yield f"the cause of a is {why[:160]!r}"

    return check


def nobody_fails(outcome: Outcome) -> Iterator[str]:
    """No candidate failed."""
    if outcome.error is not None or outcome.failures:
        yield f"failed: {dict(outcome.failures)} ({outcome.said()})"


def asked(**most: int) -> Check:
    """Each of these candidates had at most that many requests."""

    def check(outcome: Outcome) -> Iterator[str]:
        for name, limit in most.items():
            if len(outcome.requests_of(name)) > limit:
                yield f"{name} was asked {len(outcome.requests_of(name))} times, not at most {limit}"

    return check


def asked_at_least(**least: int) -> Check:
    """Each of these candidates had at least that many requests."""

    def check(outcome: Outcome) -> Iterator[str]:
        for name, limit in least.items():
            if len(outcome.requests_of(name)) < limit:
                yield f"{name} was asked {len(outcome.requests_of(name))} times, not at least {limit}"

    return check


def bills(read: int, written: int) -> Check:
    """The bill of the last turn has exactly these tokens, and none is estimated."""

    def check(outcome: Outcome) -> Iterator[str]:
        usage = outcome.bill.get("usage", {})
        if (usage.get("input_tokens"), usage.get("output_tokens")) != (read, written):
            yield f"the bill is {usage}, not {read} + {written}"
        elif usage["estimated"]:
            yield f"the bill is said to be estimated: {usage}"

    return check


def costs(usd: float) -> Check:
    """The bill of the last turn is this many USD."""

    def check(outcome: Outcome) -> Iterator[str]:
        found = outcome.bill.get("usd")
        if found is None or abs(found - usd) > 1e-9:
            yield f"the bill is {found} USD, not {usd:g}"

    return check


def estimates(outcome: Outcome) -> Iterator[str]:
    """The bill is marked as estimated, and is not nothing."""
    usage = outcome.bill.get("usage", {})
    if not usage.get("estimated") or not usage.get("input_tokens"):
        yield f"the bill is not an estimate of something: {usage}"


def agreed_on(key: str) -> Check:
    """The answers agree, and on this key."""

    def check(outcome: Outcome) -> Iterator[str]:
        agreement = outcome.record.get("agreement") or {}
        if agreement.get("leader") != key or agreement.get("agreed", 0) < 2:
            yield f"agreed is {agreement.get('groups')}, not two on {key!r} ({outcome.said()})"

    return check


def lacks(*names: str, model: str = "a") -> Check:
    """The last request of a candidate has none of these fields."""

    def check(outcome: Outcome) -> Iterator[str]:
        sent = [request.body for request in outcome.requests_of(model)][-1:]
        for body in sent:
            found = [name for name in names if name in body]
            if found:
                yield f"the last request of {model} still has {', '.join(found)}"

    return check


def keeps(name: str, model: str) -> Check:
    """Every request of another candidate still has this field."""

    def check(outcome: Outcome) -> Iterator[str]:
        bodies = [request.body for request in outcome.requests_of(model)]
        if not bodies or not all(name in body for body in bodies):
            yield f"a request of {model} has no {name}"

    return check


def sends(*words: str, model: str = "a") -> Check:
    """The last request of a candidate still has each of these words in its messages."""

    def check(outcome: Outcome) -> Iterator[str]:
        shown = str([request.messages for request in outcome.requests_of(model)][-1:])
        for word in words:
            if word not in shown:
                yield f"{word!r} is not in the last request of {model}"

    return check


def notes(word: str) -> Check:
    """The decision record mentions a word."""

    def check(outcome: Outcome) -> Iterator[str]:
        record = {name: value for name, value in outcome.record.items() if name != "settings"}
        if word not in str(record):
            yield f"the record does not mention {word!r} ({outcome.said()})"

    return check


def nothing_elsewhere(outcome: Outcome) -> Iterator[str]:
    """No request reached an address that no candidate has."""
    if outcome.elsewhere:
        yield f"another host got {outcome.elsewhere[0].path}, {len(str(outcome.elsewhere[0].body))} characters"
