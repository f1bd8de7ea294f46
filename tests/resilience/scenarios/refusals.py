"""A model that refuses: told as a refusal with its words, and never an answer that is voted for."""

from collections.abc import Iterator
from typing import Any

from langchain_core.messages import HumanMessage
from resilience.scenarios.outcome import Outcome
from resilience.scenarios.replies import piece, say, stream
from resilience.scenarios.scenario import Scenario, beside, scenario
from resilience.scenarios.wire import Respond

KIND = "refusals"
WORDS = "I must not open the sluice."
_QUESTION = (HumanMessage("Open the sluice."),)


def _kept(outcome: Outcome) -> Iterator[str]:
    told = f"{outcome.said()} {dict(outcome.failures)}"
    if WORDS not in told and "refus" not in told.lower():
        yield f"the refusal is not told: {told[:200]}"
    if WORDS not in told:
        yield f"the words of the refusal are lost: {told[:200]}"


def _made() -> Iterator[Scenario]:
    part = [{"type": "refusal", "refusal": WORDS}]
    forms: dict[str, Respond] = {
        "null-content": say(None, refusal=WORDS),
        "empty-content": say("", refusal=WORDS),
        "no-reason": say(None, None, refusal=WORDS),
        "its-own-reason": say(None, "refusal", refusal=WORDS),
        "content-filter": say(None, "content_filter", refusal=WORDS),
        "part": say(part),
    }
    for name, model in forms.items():
        yield scenario(KIND, f"{name}-alone", model, _kept, question=_QUESTION, modes=("plain",))
        yield beside(KIND, name, model, modes=("plain",))
    deltas: dict[str, list[Any]] = {
        "one-delta": [piece({"role": "assistant", "refusal": WORDS})],
        "two-deltas": [piece({"role": "assistant", "refusal": WORDS[:9]}), piece({"refusal": WORDS[9:]})],
        "beside-empty-content": [piece({"role": "assistant", "content": "", "refusal": WORDS})],
    }
    for name, bodies in deltas.items():
        events = [*bodies, piece({}, "stop"), piece(None, usage=(10, 5))]
        model = lambda _, events=events: stream(*events, tokens=(10, 5))  # noqa: E731
        yield scenario(KIND, f"stream-{name}-alone", model, _kept, question=_QUESTION, modes=("streamed",))
        yield beside(KIND, f"stream-{name}", model, modes=("streamed",))
    everybody = {name: say(None, refusal=WORDS) for name in "abc"}
    yield scenario(KIND, "everybody", everybody, _kept, question=_QUESTION)


SCENARIOS = list(_made())
