"""Independence: the same model twice, an alias and a cached reply are one opinion; and a cached reply is free."""

from collections.abc import Iterator
from typing import Any

from langchain_core.caches import InMemoryCache
from resilience.scenarios.checks import answers, asked, asked_at_least, costs
from resilience.scenarios.outcome import Outcome
from resilience.scenarios.replies import RIGHT, say
from resilience.scenarios.scenario import Member, Scenario, scenario

KIND = "independence"
SEVEN, NINE = "The answer is 7.", "The answer is 9."


def _nines(count: int = 3) -> dict[str, Member]:
    return {f"n{number}": Member(say(NINE)) for number in range(count)}


def _one_model() -> Iterator[Scenario]:
    """Two candidates that are one model say 7, three others say 9: the answer is 9."""
    pairs: dict[str, tuple[tuple[str, str | None], tuple[str, str | None]]] = {
        "one-address": (("m", ""), ("m", "")),
        "two-addresses": (("m", None), ("m", None)),
        "upper-case": (("Mill-7B", None), ("mill-7b", None)),
        "with-an-owner": (("acme/Mill-7B", None), ("Mill-7B", None)),
        "two-owners-one-name": (("acme/Mill-7B", None), ("acme/mill-7b", None)),
        "latest": (("mill:latest", None), ("mill", None)),
        "path-of-a-file": (("models/mill-7b", None), ("mill-7b", None)),
    }
    for name, ((first, first_at), (second, second_at)) in pairs.items():
        same = {
            "s1": Member(say(SEVEN, top={"model": first}), model=first, address=first_at),
            "s2": Member(say(SEVEN, top={"model": second}), model=second, address=second_at),
        }
        yield scenario(KIND, f"same-model-{name}", {**same, **_nines()}, answers(NINE), modes=("plain", "spec"))


def _aliases() -> Iterator[Scenario]:
    """Names that one endpoint reports as one model, with one fingerprint."""
    reported = {"model": "mill-7b-2026-05", "system_fingerprint": "fp_31f"}
    for name, (first, second) in {
        "fast-and-smart": ("fast", "smart"),
        "dated": ("mill-7b", "mill-7b-2026-05"),
        "default": ("default", "mill-7b-2026-05"),
    }.items():
        same = {
            "s1": Member(say(SEVEN, top=reported), model=first, address=""),
            "s2": Member(say(SEVEN, top=reported), model=second, address=""),
        }
        yield scenario(KIND, f"alias-{name}", {**same, **_nines()}, answers(NINE), modes=("plain",))
    for name, top in {
        "one-fingerprint-of-a-server": {"system_fingerprint": "fp_server"},
        "no-fingerprint": {},
        "empty-fingerprint": {"system_fingerprint": ""},
        "null-fingerprint": {"system_fingerprint": None},
    }.items():
        apart = {
            "s1": Member(say(SEVEN, top={**top, "model": "mill-7b"}), model="mill-7b"),
            "s2": Member(say(SEVEN, top={**top, "model": "brook-9b"}), model="brook-9b"),
        }
        yield scenario(
            KIND, f"two-models-{name}", {**apart, **_nines(1)}, answers(SEVEN), asked(s1=2, s2=2), modes=("plain",)
        )
    same_report = {"model": "model", "system_fingerprint": None}
    apart = {
        "s1": Member(say(SEVEN, top=same_report), model="mill-7b"),
        "s2": Member(say(SEVEN, top=same_report), model="brook-9b"),
    }
    yield scenario(KIND, "two-models-that-report-one-word", {**apart, **_nines(1)}, answers(SEVEN), modes=("plain",))


def _caches() -> Iterator[Scenario]:
    """The second of two equal runs is served from LangChain's cache: no request, no cost."""
    for names in ("a", "ab", "abc"):
        cache = InMemoryCache()
        pool = {name: Member(say(RIGHT, usage=(1000, 100)), client={"cache": cache}) for name in names}
        most: Any = dict.fromkeys(names, 1)
        yield scenario(
            KIND,
            f"cached-run-is-free-{names}",
            pool,
            answers(),
            costs(0.0),
            _no_calls,
            asked(**most),
            turns=2,
            modes=("plain",),
        )
    cache = InMemoryCache()
    pool = {name: Member(say(RIGHT, usage=(1000, 100)), client={"cache": cache}) for name in "ab"}
    yield scenario(
        KIND,
        "cached-run-needs-no-budget",
        pool,
        answers(),
        turns=2,
        settings={"budget": {"usd": 0.05}},
        modes=("plain",),
    )


def _no_calls(outcome: Outcome) -> Iterator[str]:
    if outcome.bill.get("calls"):
        yield f"{outcome.bill['calls']} calls are on the bill of a run that made none"


def _pool_of_one_model() -> Iterator[Scenario]:
    """Where nothing but one model is there, its answer is given all the same."""
    same = {f"s{number}": Member(say(SEVEN), model="m", address="") for number in range(3)}
    yield scenario(KIND, "nothing-but-one-model", same, answers(SEVEN), asked_at_least(m=1), modes=("plain",))


SCENARIOS = [*_one_model(), *_aliases(), *_caches(), *_pool_of_one_model()]
