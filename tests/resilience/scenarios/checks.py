"""What may be right of an outcome, as checks that say what is wrong."""

from collections.abc import Iterator

from resilience.scenarios.outcome import Check, Outcome
from resilience.scenarios.replies import RIGHT


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
