"""What can go wrong with one call, drawn at random; each kind has a name to be counted by."""

from collections.abc import Callable, Mapping
from random import Random

from lightrouter_graph.testing import (
    Behave,
    Cut,
    Fail,
    Fault,
    Insert,
    Reasoning,
    Replace,
    Say,
    ServerBehaviour,
    Stall,
    Timing,
)

SILENT = ("", "  \n ", "<think>Four? Or five? I should count them once more.</think>", "<think>Let me count them: one,")
"""What a model says that says nothing."""

OTHERS = ("I'm sorry, but I cannot help with that.", "It is 4.", "<think>Two and two.</think>The answer is 4.")
"""Whole answers other than the recorded ones."""

_PAGE = "<html><h1>Bad gateway</h1></html>"
_OVERLOADED = {"error": {"message": "overloaded", "code": 503}}
_ENOUGH = (0, 1, 3, 6, 12)
"""So many tokens come before something happens in the middle of a stream."""

_WAITS = (
    {"retry-after": "0"},
    {"retry-after-ms": "30"},
    {"retry-after": "0.1"},
    {"retry-after": "soon"},
    {"x-should-retry": "false"},
    {"retry-after": "1"},
    {"retry-after": "30"},
    {"retry-after": "3600"},
)


def _refused(chance: Random) -> Fault:
    return Fail(chance.choice((400, 401, 402, 403, 404, 408, 409, 413, 418, 422)))


def _down(chance: Random) -> Fault:
    waits = chance.choice(({}, {}, {}, *_WAITS))
    return Fail(chance.choice((500, 502, 503, 504, 529)), headers=waits)


def _limited(chance: Random) -> Fault:
    return Fail(429, headers=chance.choice(({}, *_WAITS)))


def _said_in_words(chance: Random) -> Fault:
    too_long = Fail(400, "maximum context length is 8192 tokens", code="context_length_exceeded")
    no_money = Fail(429, "pay first", code="insufficient_quota")
    return chance.choice((too_long, no_money, Fail(400, "flagged", code="content_filter")))


def _no_json(chance: Random) -> Fault:
    page = Fail(chance.choice((200, 502)), body=_PAGE, content_type="text/html")
    return chance.choice((page, Fail(200, body="{oops"), Fail(200, body=""), Fail(200, body="[]")))


def _error_in_a_success(chance: Random) -> Fault:
    return Fail(200, body={"error": {"message": "slow down", "code": chance.choice((429, 500, 503, "x"))}})


def _endless(chance: Random) -> Fault:
    return chance.choice((Stall(), Stall(after=chance.choice(_ENOUGH)), Fail(hang=True)))


def _short_stall(chance: Random) -> Fault:
    return Stall(after=chance.choice((None, *_ENOUGH)), seconds=chance.uniform(0.01, 0.2))


def _cut(chance: Random) -> Fault:
    if chance.random() < 0.3:
        return Cut(how=chance.choice(("close", "reset")))
    return Cut(after=chance.choice(_ENOUGH), how=chance.choice(("close", "reset", "end")))


def _garbage(chance: Random) -> Fault:
    after = chance.choice(_ENOUGH)
    garbage = Insert(chance.choice(("data: {oops", "data: [1, 2]", ": a comment", "event: ping", "\x00\x01")), after)
    if chance.random() < 0.3:
        return garbage
    return chance.choice((garbage, Insert(_OVERLOADED, after))) & Cut(after, how="end")


def _misshapen(chance: Random) -> Fault:
    values = ({"choices": []}, {"choices": None}, {"choices": ...}, {"content": 7}, {"message": ...}, {"id": ...})
    return Replace(chance.choice(values))


def _filtered(chance: Random) -> Fault:
    reason = Replace({"finish_reason": "content_filter"})
    return chance.choice((reason, Replace({"content": "", "finish_reason": "content_filter"})))


def _endless_reason(chance: Random) -> Fault:
    return Replace({"finish_reason": chance.choice((..., "end_turn", "unknown"))})


def _wrong_usage(chance: Random) -> Fault:
    wrong = ({"usage": ...}, {"usage": None}, {"usage": "none"}, {"usage": {}})
    counts = [{"completion_tokens": n} for n in (-1, 0, 10**9, "many", None, 2.5)] + [{"prompt_tokens": -1}]
    return Replace(chance.choice((*wrong, *counts)))


def _silence(chance: Random) -> Fault:
    return Say(chance.choice(SILENT))


def _other_words(chance: Random) -> Fault:
    return Say(chance.choice(OTHERS))


def _mood(chance: Random) -> Fault:
    return Behave(draw_behaviour(chance))


def _late_and_bad(chance: Random) -> Fault:
    return Stall(seconds=chance.uniform(0.01, 0.15)) & chance.choice((_down, _limited, _cut, _garbage))(chance)


KINDS: Mapping[str, Callable[[Random], Fault]] = {
    "refused": _refused,
    "down": _down,
    "limited": _limited,
    "said in words": _said_in_words,
    "no json": _no_json,
    "error in a success": _error_in_a_success,
    "endless": _endless,
    "short stall": _short_stall,
    "cut": _cut,
    "garbage": _garbage,
    "misshapen": _misshapen,
    "filtered": _filtered,
    "finish reason": _endless_reason,
    "usage": _wrong_usage,
    "silence": _silence,
    "other words": _other_words,
    "mood": _mood,
    "late and bad": _late_and_bad,
}

MISCOUNTED = frozenset({"usage"})
"""Kinds after which the provider's count of tokens is none to hold ours against."""


def draw_fault(chance: Random) -> tuple[str, Fault]:
    """Draw what goes wrong with a call, and its kind."""
    kind = chance.choice(list(KINDS))
    return kind, KINDS[kind](chance)


def draw_behaviour(chance: Random) -> ServerBehaviour:
    """Draw one deviating behaviour."""
    return chance.choice(
        (
            ServerBehaviour(limit_name=chance.choice(("max_tokens", "max_completion_tokens", "num_predict"))),
            ServerBehaviour(limit_name="num_predict", other_limits="ignore"),
            ServerBehaviour(honours_limit=False),
            ServerBehaviour(prefix=chance.choice(("restart", "repeat"))),
            ServerBehaviour(alternating_roles=True),
            ServerBehaviour(reasoning=Reasoning(chance.choice((5, 20, 500)), shown=chance.random() < 0.5)),
        )
    )


def draw_timing(chance: Random) -> Timing:
    """Draw a pace at which some replies come in time and some do not."""
    return Timing(ttft_s=chance.uniform(0.0, 0.1), tokens_per_s=chance.choice((100.0, 300.0, 1000.0)))
