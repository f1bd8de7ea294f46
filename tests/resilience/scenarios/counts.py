"""Usage as running totals, repeats, hidden parts, odd types or nothing: the bill is the endpoint's own count."""

from collections.abc import Iterator
from typing import Any

from langchain_core.messages import HumanMessage
from resilience.scenarios.checks import answers, bills, costs, estimates
from resilience.scenarios.outcome import Check
from resilience.scenarios.replies import NOT_GIVEN, RIGHT, piece, say, stream, usage_of
from resilience.scenarios.scenario import HEALTHY, Member, Scenario, scenario
from resilience.scenarios.wire import Respond

from lightrouter_graph import Price

KIND = "usage"
WORDS = ("The ", "wheel ", "of ", "the ", "mill ", "turns ", "391 ", "times.")
TEXT = "".join(WORDS)


def _streams(usages: list[Any], last: list[Any], told: tuple[int, int]) -> Respond:
    """Build a model that streams one word per usage in `usages`, then the end, then events with those in `last`."""
    deltas = [
        piece({"role": "assistant", "content": word}, usage=usage) for word, usage in zip(WORDS, usages, strict=True)
    ]
    bodies = [*deltas, piece({}, "stop"), *(piece(None, usage=usage) for usage in last)]
    return lambda request: stream(*bodies, tokens=told) if request.streams else say(TEXT, usage=told)(request)


def _in_streams() -> Iterator[Scenario]:
    none, count = [NOT_GIVEN] * 8, (120, 8)
    running = [(120, number) for number in range(1, 9)]
    forms: dict[str, tuple[list[Any], list[Any]]] = {
        "running-totals": (running, []),
        "running-totals-and-a-last": (running, [count]),
        "running-totals-twice-at-the-end": (running, [count, count]),
        "prompt-first": ([(120, 0), *none[1:]], [count]),
        "prompt-first-without-output": ([{"prompt_tokens": 120}, *none[1:]], [count]),
        "the-last-twice": (none, [count, count]),
        "the-last-three-times": (none, [count] * 3),
        "null-until-the-last": ([None] * 8, [count]),
        "every-other-chunk": ([(120, n) if n % 2 else None for n in range(1, 9)], [count]),
        "same-total-in-every-chunk": ([count] * 8, []),
        "same-total-in-every-chunk-and-a-last": ([count] * 8, [count]),
        "zeros-before-the-last": ([(0, 0)] * 8, [count]),
        "empty-objects-before-the-last": ([{}] * 8, [count]),
        "output-grows-prompt-comes-late": ([(0, n) for n in range(1, 9)], [count]),
        "null-after-the-last": (none, [count, None]),
    }
    for name, (usages, last) in forms.items():
        yield scenario(
            KIND,
            f"stream-{name}",
            _streams(usages, last, count),
            answers(TEXT),
            bills(*count),
            costs(0.0002),
            modes=("streamed",),
        )
    for name in ("running-totals", "the-last-twice"):
        usages, last = forms[name]
        yield scenario(
            KIND, f"stream-{name}-by-spec", _streams(usages, last, count), answers(TEXT), bills(*count), modes=("spec",)
        )
    finish = [piece({"role": "assistant", "content": TEXT}), piece({}, "stop", (120, 8)), piece(None, usage=(120, 8))]
    model: Respond = lambda request: stream(*finish, tokens=count) if request.streams else HEALTHY(request)  # noqa: E731
    yield scenario(KIND, "stream-beside-the-end-and-after", model, answers(TEXT), bills(*count), modes=("streamed",))


def _sums() -> Iterator[Scenario]:
    plain = usage_of((100, 10))
    forms: dict[str, tuple[dict[str, Any], tuple[int, int]]] = {
        "hidden-reasoning-in-the-total": ({**plain, "total_tokens": 160}, (100, 60)),
        "reasoning-beside-the-output": (
            {**plain, "total_tokens": 160, "completion_tokens_details": {"reasoning_tokens": 50}},
            (100, 60),
        ),
        "reasoning-within-the-output": (
            {**usage_of((100, 60)), "completion_tokens_details": {"reasoning_tokens": 50}},
            (100, 60),
        ),
        "total-below-its-parts": ({**plain, "total_tokens": 10}, (100, 10)),
        "total-zero": ({**plain, "total_tokens": 0}, (100, 10)),
        "total-absent": ({"prompt_tokens": 100, "completion_tokens": 10}, (100, 10)),
        "null-details": ({**plain, "prompt_tokens_details": None, "completion_tokens_details": None}, (100, 10)),
        "other-names": ({**plain, "input_tokens": 100, "output_tokens": 10}, (100, 10)),
        "more-fields": ({**plain, "queue_time": 0.1, "cost": 0.5, "num_sources_used": 3}, (100, 10)),
    }
    for name, (usage, told) in forms.items():
        yield scenario(KIND, name, say(RIGHT, usage=usage, told=told), answers(), bills(*told), exact=True)


def _caches() -> Iterator[Scenario]:
    price = Price(2.0, 8.0, cached_input=0.5)
    read, written = 1000, 50
    for name, details in {
        "openai": {"prompt_tokens_details": {"cached_tokens": 600}},
        "deepseek": {"prompt_cache_hit_tokens": 600, "prompt_cache_miss_tokens": 400},
        "top-level": {"cached_tokens": 600},
    }.items():
        member = Member(say(RIGHT, usage={**usage_of((read, written)), **details}, told=(read, written)), price=price)
        right: tuple[Check, ...] = (answers(), bills(read, written))
        right += (costs((400 * 2.0 + 600 * 0.5 + 50 * 8.0) / 1e6),) if name == "openai" else ()
        yield scenario(KIND, f"cache-read-{name}", {"a": member}, *right)
    for cached in (1000, 1400):
        details = {"prompt_tokens_details": {"cached_tokens": cached}}
        member = Member(say(RIGHT, usage={**usage_of((read, written)), **details}, told=(read, written)), price=price)
        beside = 1000 * 2.0 if cached > read else 0  # more than the prompt: the prompt is counted without them
        usd = (beside + cached * 0.5 + 50 * 8.0) / 1e6
        yield scenario(KIND, f"cache-read-{cached}-of-1000", {"a": member}, answers(), costs(usd), modes=("plain",))


def _odd_types() -> Iterator[Scenario]:
    for name, usage in {
        "strings": {"prompt_tokens": "100", "completion_tokens": "10", "total_tokens": "110"},
        "floats": {"prompt_tokens": 100.0, "completion_tokens": 10.0, "total_tokens": 110.0},
    }.items():
        yield scenario(KIND, f"type-{name}", say(RIGHT, usage=usage), answers())
    unknown: dict[str, Any] = {
        "absent": NOT_GIVEN,
        "null": None,
        "empty": {},
        "zeros": usage_of((0, 0)),
        "nulls": {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None},
        "negative": usage_of((-5, -5)),
        "absurd": usage_of((10**13, 10**13)),
    }
    for name, usage in unknown.items():
        yield scenario(KIND, f"unknown-{name}", say(RIGHT, usage=usage), answers(), estimates, modes=("plain",))
    for name, usage in {"list": [1, 2], "text": "many", "number": 12, "true": True}.items():
        yield scenario(
            KIND,
            f"type-{name}",
            {"a": say(RIGHT, usage=usage), "b": HEALTHY, "c": HEALTHY},
            answers(),
            modes=("plain",),
        )


def _runs() -> Iterator[Scenario]:
    pool = {name: say(RIGHT, usage=(50 + at, 5)) for at, name in enumerate("ab")}
    yield scenario(KIND, "two-agree", pool, answers(), bills(101, 10), exact=True)
    apart = {name: say(f"The answer is {at}.", usage=(50, 5)) for at, name in enumerate("abc")}
    yield scenario(KIND, "none-agree", apart, exact=True, modes=("plain",))
    failing = {"a": HEALTHY, "b": say(RIGHT, "error", usage=(70, 7)), "c": HEALTHY}
    yield scenario(
        KIND, "a-failed-reply-is-billed", failing, answers(), question=[HumanMessage("17 * 23?")], modes=("plain",)
    )


SCENARIOS = [*_in_streams(), *_sums(), *_caches(), *_odd_types(), *_runs()]
