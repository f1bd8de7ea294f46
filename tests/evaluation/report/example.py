"""A made-up run of plausible size and figures: eight candidates, over thirty methods, as many questions as asked."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lightrouter_graph.evaluation.questions import Output, Question, fold_of
from lightrouter_graph.evaluation.records import (
    Interval,
    MethodStats,
    Point,
    Result,
    Route,
    RouteBoot,
    RunFacts,
    Selection,
    Summary,
)

CANDIDATES = {  # ability, tokens, USD per 1M in and out
    "atlas-72b-instruct": (0.66, 460, 0.9, 0.9),
    "brook-4-mini": (0.62, 600, 0.15, 0.6),
    "cedar-large-2": (0.58, 380, 2.0, 6.0),
    "delta-v2.5-chat": (0.54, 450, 0.14, 0.28),
    "ember-70b": (0.5, 790, 0.6, 0.6),
    "flint-1.5-flash": (0.46, 400, 0.075, 0.3),
    "grove-27b-it": (0.4, 370, 0.3, 0.3),
    "heron-7b": (0.36, 660, 0.1, 0.1),
}
CATEGORIES = [
    "biology", "business", "chemistry", "computer science", "economics", "engineering", "health", "history",
    "law", "math", "other", "philosophy", "physics", "psychology",
]  # fmt: skip
RIVALS = {  # label, quality, share of all tokens, part of all USD, seconds, stands in
    "best-single": ("Best single (chosen on other folds)", 0.655, 0.12, 0.09, 7.6, False),
    "random-2": ("Random 2, vote", 0.52, 0.25, 0.25, 9.9, False),
    "random-4": ("Random 4, vote", 0.594, 0.5, 0.5, 12.4, False),
    "majority": ("Majority over all", 0.662, 1.0, 1.0, 19.5, False),
    "prior-vote": ("Prior-weighted vote over all", 0.679, 1.0, 1.0, 19.5, False),
    "moa-1": ("Mixture-of-Agents, 1 layer", 0.664, 1.1, 1.25, 27.0, True),
    "moa-2": ("Mixture-of-Agents, 2 layers", 0.668, 2.1, 2.9, 47.0, True),
    "self-moa-3": ("Self-MoA, best x 3", 0.65, 0.47, 0.4, 16.0, True),
    "frugal-cascade": ("FrugalGPT-like cascade", 0.609, 0.34, 0.15, 15.2, False),
    "two-model-router": ("RouteLLM-like router", 0.63, 0.125, 0.2, 7.3, False),
    "oracle-2": ("Oracle, best of 2", 0.74, 0.25, 0.2, 9.9, False),
    "oracle-4": ("Oracle, best of 4", 0.81, 0.5, 0.5, 12.4, False),
    "oracle": ("Oracle, best of all", 0.84, 1.0, 1.0, 19.5, False),
    "lightrouter": ("LightRouter", 0.694, 0.42, 0.33, 13.1, False),
    "lightrouter-fast": ("LightRouter, width 2", 0.681, 0.36, 0.27, 12.0, False),
    "lightrouter-paper": ("LightRouter, as in the paper", 0.664, 0.66, 0.7, 24.0, True),
    "lightrouter-paper-1": ("LightRouter, as in the paper, 1 layer", 0.655, 0.5, 0.52, 17.0, True),
    "lightrouter-consistency": ("LightRouter, consistency selector", 0.609, 0.41, 0.4, 13.8, False),
    "lightrouter-embedding": ("LightRouter, embedding selector", 0.612, 0.41, 0.4, 13.8, False),
    "lightrouter-learned": ("LightRouter, learned selector", 0.672, 0.4, 0.35, 13.2, False),
    "lightrouter-hybrid": ("LightRouter, hybrid selector", 0.676, 0.41, 0.34, 13.4, False),
    "lightrouter-random": ("LightRouter, random selector", 0.575, 0.4, 0.4, 13.6, False),
    "lightrouter-prior": ("LightRouter, prior alone", 0.683, 0.38, 0.31, 12.6, False),
    "lightrouter-oracle-selector": ("LightRouter, oracle selector", 0.77, 0.41, 0.4, 13.5, False),
    "lightrouter-guarded": ("LightRouter, guarded", 0.69, 0.4, 0.3, 12.8, False),
}
HOSTILE = (
    "</script><script>window.pwned = 1</script>",
    "<!-- <script> \u2028 \u2029 & \\u003c/script>",
    '<img src="http://example.invalid/x.png" onerror="window.pwned = 1">',
    "\U0001f600\U0001f9ee $x^2$ | `code` \\ *bold* \x00 \x1b[31m",
)
FEW = [
    "single:atlas-72b-instruct", "single:brook-4-mini", "best-single", "majority", "moa-2", "oracle", "lightrouter",
    "lightrouter-paper", "lightrouter-learned",
]  # fmt: skip
FILLER = "Let us take it step by step. First we write down what is given, then what follows from it. "


def interval(value: float, half: float) -> Interval:
    return {"value": value, "low": value - half, "high": value + half}


def example_questions(count: int, rng: np.random.Generator, hostile: bool = False) -> list[Question]:
    return [_question(number, rng, hostile) for number in range(count)]


def _question(number: int, rng: np.random.Generator, hostile: bool) -> Question:
    ease = rng.normal(0, 0.3)
    outputs = {}
    for name, (ability, tokens, _, _) in CANDIDATES.items():
        right = rng.random() < np.clip(ability + ease, 0.02, 0.98)
        answer = 42 + number if right else 42 + number + int(rng.integers(1, 4))
        written = int(rng.lognormal(np.log(tokens), 0.5))
        text = FILLER * max(1, written // 20) + f"\n\nThe answer is {answer}."
        if hostile:
            text = HOSTILE[number % len(HOSTILE)] + text
        outputs[name] = Output(text, float(right), written, input_tokens=90)
    ask = HOSTILE[number % len(HOSTILE)] if hostile else f"What is {40 + number} + 2, and why?"
    category = CATEGORIES[number % len(CATEGORIES)]
    return Question(f"q/{number:04d}", ask, category, str(42 + number), outputs)


def methods_of() -> dict[str, tuple[str, float, float, float, float, bool]]:
    singles = {
        f"single:{name}": (name, ability, tokens / 4110, tokens / 4110 * out / 1.14, tokens / 60, False)
        for name, (ability, tokens, _, out) in CANDIDATES.items()
    }
    return singles | RIVALS


def example_results(questions: Sequence[Question], rng: np.random.Generator, methods: Sequence[str]) -> list[Result]:
    facts = methods_of()
    return [_result(q, name, *facts[name], rng) for name in methods for q in questions]


def _result(
    question: Question, name: str, label: str, quality: float, share: float, usd: float, seconds: float,
    stands_in: bool, rng: np.random.Generator,
) -> Result:  # fmt: skip
    by_score = sorted(CANDIDATES, key=lambda c: question.outputs[c].score or 0.0)
    chosen = by_score[-1] if rng.random() < quality else by_score[0]
    chosen = name.removeprefix("single:") if name.startswith("single:") else chosen
    output = question.outputs[chosen]
    said = output.text.rsplit(" ", 1)[-1].rstrip(".")
    spread = float(rng.lognormal(0, 0.3))
    return {
        "question": question.id,
        "method": name,
        "fold": fold_of(question.id, 5),
        "category": question.category,
        "score": output.score,
        "chosen": None if stands_in else chosen,
        "text": f"Merged by the stand-in: {output.text[-30:]}" if stands_in else None,
        "answer": said,
        "confidence": float(np.clip(quality + rng.normal(0, 0.15), 0, 1)),
        "calls": 3,
        "input_tokens": 270,
        "output_tokens": int(4110 * share * spread),
        "usd": 0.0035 * usd * spread,
        "first_token_s": 0.5,
        "seconds": seconds * spread,
        "stand_in": "the best-ranked answer stands in for the merged one" if stands_in else "",
        "error": "",
        "route": _route(question, rng) if name.startswith("lightrouter") else None,
        "spent": [],
    }


def _route(question: Question, rng: np.random.Generator) -> Route:
    names = list(CANDIDATES)
    boots: list[RouteBoot] = [
        {
            "candidate": name,
            "text": f"In view of the draft: {HOSTILE[0]}" if place == 5 else None,
            "characters": 40 + 10 * place,
            "tokens": 12 + 3 * place,
            "finished": place == 1,
            "score": None if place > 4 else float(rng.random()),
            "prior": CANDIDATES[name][0],
            "answer": str(42) if place < 2 else None,
            "kept": place < 3,
            "why": "among the first 3 of the ranking" if place < 3 else "ranked below the first 3: dropped",
        }
        for place, name in enumerate(names[:6])
    ]
    return {
        "boots": boots,
        "kept": names[:3],
        "selector": "consistency",
        "agreed": 2,
        "answered": 3,
        "stopped": "two answers agreed",
        "merged": "weighted vote",
    }


def example_summary(questions: Sequence[Question], results: Sequence[Result]) -> Summary:
    scores = {
        m: np.array([r["score"] for r in results if r["method"] == m], dtype=float)
        for m in dict.fromkeys(r["method"] for r in results)
    }
    rows = [_figures(name, questions, [r for r in results if r["method"] == name], scores) for name in scores]
    return {"facts": _facts(len(questions)), "methods": rows, "curves": example_curves()}


def _mean(values: np.ndarray) -> Interval:
    half = 1.96 * float(values.std()) / np.sqrt(max(1, len(values)))
    return interval(float(values.mean()), float(half))


def _quantile(values: np.ndarray, share: float) -> Interval:
    value = float(np.quantile(values, share))
    return {"value": value, "low": 0.93 * value, "high": 1.1 * value}


def _figures(
    name: str, questions: Sequence[Question], results: Sequence[Result], scores: dict[str, np.ndarray]
) -> MethodStats:
    tokens = np.array([r["output_tokens"] for r in results], dtype=float)
    usd = np.array([r["usd"] for r in results], dtype=float) * 1000
    took = np.array([r["seconds"] for r in results], dtype=float)
    own = scores[name]
    categories = np.array([q.category for q in questions])
    mixes = not name.startswith(("single:", "best-single"))
    return {
        "method": name,
        "label": methods_of()[name][0],
        "stand_in": results[0]["stand_in"],
        "count": len(results),
        "failed": 0,
        "quality": _mean(own),
        "output_tokens": _mean(tokens),
        "total_tokens": _mean(tokens + 270),
        "calls": interval(1 if not mixes else 3.2, 0.0 if not mixes else 0.2),
        "usd": _mean(usd),
        "first_token_p50": _quantile(took * 0.4, 0.5),
        "first_token_p95": _quantile(took * 0.4, 0.95),
        "seconds_p50": _quantile(took, 0.5),
        "seconds_p95": _quantile(took, 0.95),
        "against": {other: _mean(own - theirs) for other, theirs in scores.items() if other != name},
        "by_category": {c: _mean(own[categories == c]) for c in sorted(set(categories))},
        "calibration": _calibration(own.mean()) if mixes else None,
        "selection": _selection() if name.startswith("lightrouter") else None,
    }


def _calibration(quality: float) -> dict:
    bins = [
        {"confidence": x, "right": float(np.clip(x**1.3 * (quality + 0.25), 0, 1)), "count": int(10 + 80 * x)}
        for x in (0.15, 0.35, 0.55, 0.75, 0.95)
    ]
    return {"ece": interval(0.08, 0.02), "bins": bins, "count": sum(b["count"] for b in bins)}


def _selection() -> Selection:
    return {
        "wrong_drop": interval(0.13, 0.03),
        "regret": interval(0.08, 0.02),
        "wrong_drop_pool": interval(0.21, 0.03),
        "regret_pool": interval(0.12, 0.02),
        "agreed_wrong": interval(0.09, 0.02),
        "wrong_when_agreed": None,
    }


def example_curves() -> dict[str, list[Point]]:
    lengths = [16, 32, 64, 100, 200, 400]

    def curve(base: float, slope: float) -> list[Point]:
        return [{"x": x, "y": interval(base + slope * np.log2(x / 16), 0.03), "label": f"{x} tokens"} for x in lengths]

    return {
        "Boot length: quality / consistency": curve(0.6, 0.015),
        "Boot length: quality / learned": curve(0.63, 0.02),
        "Boot length: quality / prior alone": curve(0.685, 0.0),
        "Boot predictiveness (AUC)": curve(0.52, 0.025),
    }


def _facts(count: int) -> RunFacts:
    return {
        "title": "math_l5, eight mid-size models",
        "experiment": "methods",
        "data": "math_l5.jsonl.gz",
        "mode": "replay",
        "questions": count,
        "candidates": list(CANDIDATES),
        "prices": {name: (low, high) for name, (_, _, low, high) in CANDIDATES.items()} | {"heron-7b": None},
        "scoring": "recorded",
        "seed": 0,
        "folds": 5,
        "command": "lightrouter eval run math_l5.jsonl.gz --pool mid8",
        "version": "0.1.0",
        "notes": ["Recorded models say what they said: what stands in the prompt besides changes nothing."],
    }


class Example(NamedTuple):
    summary: Summary
    results: list[Result]
    questions: list[Question]


def example_run(count: int = 60, *, hostile: bool = False) -> Example:
    rng = np.random.default_rng(7)
    questions = example_questions(count, rng, hostile)
    results = example_results(questions, rng, FEW if hostile else list(methods_of()))
    summary = example_summary(questions, results)
    if hostile:
        summary["facts"] |= {"title": HOSTILE[0], "command": HOSTILE[1], "notes": [HOSTILE[2]], "data": HOSTILE[3]}
        summary["methods"][0]["label"] = HOSTILE[0]
        summary["methods"][1]["label"] = HOSTILE[2]
    return Example(summary, results, questions)
