"""Single questions for the interactive page: their selection, and their content as JSON."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lightrouter_graph.evaluation.questions import RIGHT, Output, Question
from lightrouter_graph.evaluation.records import Result, Summary
from lightrouter_graph.evaluation.report.method_families import kinds

MAX_QUESTIONS = 150
MAX_TEXT = 3000
MIN_TEXT = 600
MAX_TOTAL_TEXT = 3_000_000
"""Maximum characters of recorded outputs in a page: with many questions and candidates, each text is cut shorter."""
MAX_QUESTION_TEXT = 6000

Verdict = Literal["right", "wrong", "unscored", "failed"]


@dataclass(frozen=True, slots=True)
class Examples:
    """The selected questions, in the order of the data.

    `differing` questions of the run have methods with different verdicts; `shown_differing` of them were selected.
    """

    questions: Sequence[Question]
    differing: int
    shown_differing: int
    total: int

    @property
    def description(self) -> str:
        """How many questions were selected, and by which rule."""
        shown = len(self.questions)
        if shown == self.total:
            return f"All {self.total:,} questions are here."
        which = "all" if self.shown_differing == self.differing else f"{self.shown_differing:,} (drawn by their ids)"
        rest = shown - self.shown_differing
        others = f", and {rest:,} of the other {self.total - self.differing:,}, drawn by their ids" if rest else ""
        return (
            f"{shown:,} of {self.total:,} questions are here: {which} of the {self.differing:,} in which one method "
            f"was right and another wrong{others}. results.jsonl has all of them."
        )


def verdict(result: Result) -> Verdict:
    """Return the verdict on a result."""
    if result["error"]:
        return "failed"
    if result["score"] is None:
        return "unscored"
    return "right" if result["score"] >= RIGHT else "wrong"


def select_examples(
    summary: Summary, results: Sequence[Result], questions: Sequence[Question], limit: int = MAX_QUESTIONS
) -> Examples:
    """Select questions: first those in which methods differ, then others, in the order of a hash of their ids.

    Methods differ if one with several models was right and another wrong; with less than two such methods, single
    candidates count as well. Upper bounds never count.

    Args:
        summary: Statistics of the run.
        results: Results of all methods.
        questions: The questions of the run.
        limit: Maximum number of questions.
    """
    compared = _compared(summary)
    verdicts: dict[str, set[Verdict]] = {}
    for result in results:
        if result["method"] in compared:
            verdicts.setdefault(result["question"], set()).add(verdict(result))
    differing = {name for name, found in verdicts.items() if "right" in found and len(found) > 1}
    ordered = sorted(questions, key=lambda q: (q.id not in differing, hashlib.sha256(q.id.encode()).digest()))
    shown = {q.id for q in ordered[:limit]}
    return Examples([q for q in questions if q.id in shown], len(differing), len(differing & shown), len(questions))


def page_data(summary: Summary, results: Sequence[Result], examples: Examples) -> dict[str, Any]:
    """Return the JSON data of the interactive page, with long texts cut."""
    texts = max(1, len(examples.questions) * len(summary["facts"]["candidates"]))
    limit = min(MAX_TEXT, max(MIN_TEXT, MAX_TOTAL_TEXT // texts))
    by_name, compared = kinds(summary), _compared(summary)
    methods = [
        {
            "name": row["method"],
            "label": row["label"],
            "kind": by_name[row["method"]],
            "standIn": row["stand_in"],
            "compared": row["method"] in compared,
        }
        for row in summary["methods"]
    ]
    found = {(r["question"], r["method"]): r for r in results}
    names = [row["method"] for row in summary["methods"]]
    shown = [
        _question(question, summary["facts"]["candidates"], [found.get((question.id, name)) for name in names], limit)
        for question in examples.questions
    ]
    return {"methods": methods, "questions": shown}


def _compared(summary: Summary) -> set[str]:
    by_name = kinds(summary)
    mixing = {name for name, kind in by_name.items() if kind in {"lightrouter", "rival"}}
    return mixing if len(mixing) > 1 else {name for name, kind in by_name.items() if kind != "bound"}


def _question(
    question: Question, candidates: Sequence[str], results: Sequence[Result | None], limit: int
) -> dict[str, Any]:
    return {
        "id": question.id,
        "category": question.category,
        "text": _cut(question.text, MAX_QUESTION_TEXT),
        "reference": _cut(question.reference),
        "candidates": [
            _candidate(name, question.outputs[name], limit) for name in candidates if name in question.outputs
        ],
        "results": [None if result is None else _result(result) for result in results],
    }


def _candidate(name: str, output: Output, limit: int) -> dict[str, Any]:
    return {
        "name": name,
        "text": _cut(output.text, limit),
        "score": output.score,
        "right": None if output.score is None else output.score >= RIGHT,
        "tokens": output.tokens,
        "finished": output.finished,
    }


def _result(result: Result) -> dict[str, Any]:
    copied: Mapping[str, Any] = result
    names = ("score", "chosen", "answer", "confidence", "calls", "usd", "seconds", "error")
    route = result["route"]
    return {
        **{name: copied[name] for name in names},
        "verdict": verdict(result),
        "text": _cut(result["text"]),
        "tokens": result["output_tokens"],
        "standIn": result["stand_in"],
        "route": route and {**route, "boots": [{**boot, "text": _cut(boot["text"])} for boot in route["boots"]]},
    }


def _cut(text: str | None, limit: int = MAX_TEXT) -> dict[str, Any] | None:
    """Return the beginning of a text and its whole length."""
    return None if text is None else {"shown": text[:limit], "length": len(text)}
