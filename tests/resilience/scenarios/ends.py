"""How a reply ends: only a known good end is success, and a whole JSON body is whole."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from langchain_core.messages import HumanMessage
from resilience.scenarios.checks import answers, asked, complete, never_complete
from resilience.scenarios.replies import (
    NOT_GIVEN,
    RIGHT,
    as_json,
    piece,
    reply_of_responses_api,
    say,
    stream,
    whole,
)
from resilience.scenarios.scenario import ESSAY, HEALTHY, Member, Scenario, beside, scenario
from resilience.scenarios.wire import Respond

KIND = "ends"
HALF = "The river behind the mill is"
WRONG_HALF = "The answer is 900"
_ESSAY = (HumanMessage(ESSAY),)

GOOD = ("stop", "Stop", "STOP", "eos", "EOS", "eos_token", "end_turn", "stop_sequence", "COMPLETE", "complete")

CUT = ("length", "LENGTH", "max_tokens", "MAX_TOKENS", "max_output_tokens", "model_length", "max_new_tokens")

BAD = (
    "error",
    "network_error",
    "insufficient_system_resource",
    "abort",
    "aborted",
    "content_filtered",
    "guardrail_intervened",
    "sensitive",
    "model_context_window_exceeded",
    "spii",
    "cancelled",
    "timeout",
    "oom",
    "unknown",
    "malformed_function_call",
    "IMAGE_SAFETY",
    "LANGUAGE",
    "OTHER",
    "FINISH_REASON_UNSPECIFIED",
    "overloaded",
    "server_shutdown",
    "pause_turn",
    "interrupted",
    "repetition",
)

FILTERED = ("content_filter", "SAFETY", "RECITATION", "PROHIBITED_CONTENT", "refusal")


def _ends(deltas: list[Any], *, done: bool = True) -> Respond:
    """Build a model that streams these events; asked for a whole reply, it gives a healthy one."""
    return lambda request: stream(*deltas, done=done, tokens=(10, 5)) if request.streams else HEALTHY(request)


def _text(text: str = RIGHT) -> dict[str, Any]:
    return piece({"role": "assistant", "content": text})


def _words() -> Iterator[Scenario]:
    for word in GOOD:
        yield scenario(KIND, f"good-{_case(word)}", say(RIGHT, word), answers(), complete(), exact=True)
    for word in (*CUT, *BAD, *FILTERED):
        yield scenario(KIND, f"bad-{_case(word)}-alone", say(HALF, word), never_complete, question=_ESSAY)
    for word in (*BAD, *FILTERED):
        yield beside(KIND, f"bad-{_case(word)}", say(WRONG_HALF, word), modes=("plain",))
    for word in ("network_error", "abort", "sensitive", "cancelled"):
        broken = {"a": say(WRONG_HALF, word), "b": say(WRONG_HALF, word), "c": HEALTHY, "d": HEALTHY}
        yield scenario(KIND, f"two-halves-never-outvote-{word}", broken, answers(), modes=("streamed",))


def _case(word: str) -> str:
    """Keep words apart that differ in their case alone."""
    return f"{word}-upper" if word.isupper() else f"{word}-title" if word.istitle() else word


def _absent() -> Iterator[Scenario]:
    for name, reason in (("null", None), ("empty", ""), ("absent", NOT_GIVEN)):
        yield scenario(
            KIND, f"whole-body-{name}", say(RIGHT, reason), answers(), complete(), asked(a=1), modes=("plain",)
        )
        apart = {"a": say("One text about the sea.", reason), "b": say("Other words about a hill.", reason)}
        yield scenario(KIND, f"whole-bodies-{name}-apart", apart, complete(), question=_ESSAY, modes=("plain",))
        named = say(RIGHT, reason)
        yield scenario(
            KIND,
            f"whole-body-{name}-by-name",
            {"a": named, "b": HEALTHY},
            answers(),
            complete(),
            arguments={"model": "a"},
            modes=("plain",),
        )


def _in_other_fields() -> Iterator[Scenario]:
    fields: tuple[tuple[str, dict[str, Any]], ...] = (
        ("native", {"native_finish_reason": "network_error"}),
        ("error", {"error": {"code": 502, "message": "Upstream closed the connection"}}),
    )
    for name, fields_of_choice in fields:
        model = say(WRONG_HALF, "error", choice=fields_of_choice)
        yield beside(KIND, f"in-the-choice-{name}", model)
    for name, top in (("error", {"error": {"message": "worker died", "code": 500}}), ("object", {"object": "error"})):
        yield beside(KIND, f"beside-the-choices-{name}", say(WRONG_HALF, None, top=top), modes=("plain",))
    yield scenario(
        KIND,
        "stop-reason-beside-finish-reason",
        say(RIGHT, "stop", choice={"stop_reason": None}),
        answers(),
        complete(),
    )
    yield scenario(
        KIND, "stop-reason-is-a-token", say(RIGHT, "stop", choice={"stop_reason": 128009}), answers(), complete()
    )


def _in_streams() -> Iterator[Scenario]:
    end, count = partial(piece, {}), piece(None, usage=(10, 5))
    streams: tuple[tuple[str, list[Any], bool, Any], ...] = (
        ("stop-twice", [_text(), end("stop"), end("stop"), count], True, complete()),
        ("stop-three-times", [_text(), end("stop"), end("stop"), end("stop"), count], True, complete()),
        ("stop-then-null", [_text(), end("stop"), end(None), count], True, complete()),
        ("stop-with-the-text", [piece({"role": "assistant", "content": RIGHT}, "stop"), count], True, complete()),
        ("stop-beside-the-count", [_text(), piece({}, "stop", (10, 5))], True, complete()),
        ("end-turn-twice", [_text(), end("end_turn"), end("end_turn"), count], True, complete()),
        ("without-done", [_text(), end("stop"), count], False, complete()),
        ("length-twice", [_text(HALF), end("length"), end("length"), count], True, never_complete),
        ("error-twice", [_text(HALF), end("error"), end("error"), count], True, never_complete),
        ("stop-after-length", [_text(HALF), end("length"), end("stop"), count], True, never_complete),
        ("no-end-at-all", [_text(HALF)], False, never_complete),
        ("error-event", [_text(HALF), {"error": {"message": "worker lost", "code": 500}}], False, never_complete),
        ("error-event-and-done", [_text(HALF), {"error": {"message": "worker lost"}}], True, never_complete),
        ("error-event-without-object", [_text(HALF), {"message": "worker lost", "code": 50507}], True, never_complete),
    )
    for name, deltas, done, right in streams:
        yield scenario(KIND, f"stream-{name}", _ends(deltas, done=done), right, question=_ESSAY, modes=("streamed",))


def _of_the_responses_api() -> Iterator[Scenario]:
    replies: tuple[tuple[str, str, Any, Any, Any], ...] = (
        ("completed", "completed", None, None, complete()),
        ("cut", "incomplete", {"reason": "max_output_tokens"}, None, never_complete),
        ("filtered", "incomplete", {"reason": "content_filter"}, None, never_complete),
        ("incomplete-for-no-reason", "incomplete", None, None, never_complete),
        ("failed", "failed", None, {"code": "server_error", "message": "Worker lost."}, never_complete),
    )
    for name, status, details, error, right in replies:
        text = RIGHT if status == "completed" else HALF
        model = partial(_responding, status, text, details, error)
        client = {"use_responses_api": True}
        yield scenario(KIND, f"responses-{name}", {"a": Member(model, client=client)}, right, question=_ESSAY)
        if status != "completed":
            half = partial(_responding, status, WRONG_HALF, details, error)
            yield beside(KIND, f"responses-{name}", Member(half, client=client), modes=("plain",))
    for status in ("in_progress", "cancelled", "queued"):
        half = partial(_responding, status, WRONG_HALF, None, None)
        yield beside(KIND, f"responses-{status}", Member(half, client={"use_responses_api": True}), modes=("plain",))


def _responding(status: str, text: str, details: Any, error: Any, request: Any) -> Any:
    return reply_of_responses_api(request, status, text, details, error, (10, 5))


def _whole_body_cut() -> Iterator[Scenario]:
    yield scenario(
        KIND,
        "two-choices",
        lambda _: as_json(
            {**whole(RIGHT), "choices": [whole(RIGHT)["choices"][0], whole("The answer is 5.")["choices"][0]]},
            tokens=(10, 5),
        ),
        answers(),
        modes=("plain",),
    )


SCENARIOS = [
    *_words(),
    *_absent(),
    *_in_other_fields(),
    *_in_streams(),
    *_of_the_responses_api(),
    *_whole_body_cut(),
]
