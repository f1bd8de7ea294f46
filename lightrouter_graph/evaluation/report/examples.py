"""The single questions a reader can look at: which of them are shown, and what is shown of each, as JSON values."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lightrouter_graph.evaluation.questions import Output, Question
from lightrouter_graph.evaluation.records import Result, RouteBoot, Summary
from lightrouter_graph.evaluation.report.method_families import Kind, kinds

RIGHT_FROM = 0.5
"""The score from which an answer counts as right, where scores are not all or nothing."""

MOST_QUESTIONS = 150
LONGEST_TEXT = 3000
SHORTEST_CUT = 600
ALL_TEXT = 3_000_000
"""Characters of recorded outputs in a page at most: with many questions and candidates each is cut the shorter."""
LONGEST_QUESTION = 6000

Verdict = Literal["right", "wrong", "unscored", "failed"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which questions are shown, and how they were chosen.

    Attributes:
        questions: In the order of the data.
        differing: Of how many questions in all the methods differ.
        shown_differing: How many of those are shown.
        total: How many questions there are.
    """

    questions: Sequence[Question]
    differing: int
    shown_differing: int
    total: int

    @property
    def said(self) -> str:
        """How many of how many, and which."""
        shown = len(self.questions)
        if shown == self.total:
            return f"All {self.total:,} questions are here."
        which = "all" if self.shown_differing == self.differing else f"{self.shown_differing:,} (drawn by their ids)"
        rest = shown - self.shown_differing
        others = f", and {rest:,} of the other {self.total - self.differing:,}, drawn by their ids" if rest else ""
        return (
            f"{shown:,} of {self.total:,} questions are here: {which} of the {self.differing:,} where one method that "
            f"can be run was right and another wrong{others}. results.jsonl has them all."
        )


@dataclass(frozen=True, slots=True)
class _Run:
    """What is looked up for each question."""

    summary: Summary
    results: Mapping[tuple[str, str], Result]
    sorts: Mapping[str, Kind]
    longest: int


def verdict(result: Result) -> Verdict:
    """Say what became of an answer."""
    if result["error"]:
        return "failed"
    if result["score"] is None:
        return "unscored"
    return "right" if result["score"] >= RIGHT_FROM else "wrong"


def choose(
    summary: Summary, results: Sequence[Result], questions: Sequence[Question], most: int = MOST_QUESTIONS
) -> Chosen:
    """Choose at most `most` questions: those where methods differ first, then others; drawn by a hash of their ids.

    Methods differ where one that uses several models was right and another wrong; where there are not two such methods,
    single candidates count as well. Upper bounds never do.
    """
    compared = _compared(summary)
    verdicts: dict[str, set[Verdict]] = {}
    for result in results:
        if result["method"] in compared:
            verdicts.setdefault(result["question"], set()).add(verdict(result))
    differing = {q.id for q in questions if _differ(verdicts.get(q.id, set()))}
    by_chance = sorted(questions, key=lambda q: (q.id not in differing, hashlib.sha256(q.id.encode()).digest()))
    shown = {q.id for q in by_chance[:most]}
    return Chosen([q for q in questions if q.id in shown], len(differing), len(differing & shown), len(questions))


def _compared(summary: Summary) -> set[str]:
    sorts = kinds(summary)
    mixing = {name for name, kind in sorts.items() if kind in {"lightrouter", "rival"}}
    return mixing if len(mixing) > 1 else {name for name, kind in sorts.items() if kind != "bound"}


def _differ(verdicts: set[Verdict]) -> bool:
    return "right" in verdicts and len(verdicts) > 1


def page_data(summary: Summary, results: Sequence[Result], chosen: Chosen) -> dict[str, Any]:
    """Return what the page needs to show single questions: the methods, and the questions chosen, with texts cut."""
    texts = max(1, len(chosen.questions) * len(summary["facts"]["candidates"]))
    longest = min(LONGEST_TEXT, max(SHORTEST_CUT, ALL_TEXT // texts))
    run = _Run(summary, {(r["question"], r["method"]): r for r in results}, kinds(summary), longest)
    compared = _compared(summary)
    methods = [
        {
            "name": row["method"],
            "label": row["label"],
            "kind": run.sorts[row["method"]],
            "standIn": row["stand_in"],
            "compared": row["method"] in compared,
        }
        for row in summary["methods"]
    ]
    return {"methods": methods, "questions": [_question(question, run) for question in chosen.questions]}


def _question(question: Question, run: _Run) -> dict[str, Any]:
    found = [run.results.get((question.id, row["method"])) for row in run.summary["methods"]]
    names = [name for name in run.summary["facts"]["candidates"] if name in question.outputs]
    return {
        "id": question.id,
        "category": question.category,
        "text": _cut(question.text, LONGEST_QUESTION),
        "reference": None if question.reference is None else _cut(question.reference, LONGEST_TEXT),
        "candidates": [_candidate(name, question.outputs[name], run.longest) for name in names],
        "results": [None if result is None else _result(result) for result in found],
    }


def _candidate(name: str, output: Output, longest: int) -> dict[str, Any]:
    right = None if output.score is None else output.score >= RIGHT_FROM
    return {
        "name": name,
        "text": _cut(output.text, longest),
        "score": output.score,
        "right": right,
        "tokens": output.tokens,
        "finished": output.finished,
    }


def _result(result: Result) -> dict[str, Any]:
    route = result["route"]
    return {
        "verdict": verdict(result),
        "score": result["score"],
        "chosen": result["chosen"],
        "answer": result["answer"],
        "text": None if result["text"] is None else _cut(result["text"], LONGEST_TEXT),
        "confidence": result["confidence"],
        "calls": result["calls"],
        "tokens": result["output_tokens"],
        "usd": result["usd"],
        "seconds": result["seconds"],
        "standIn": result["stand_in"],
        "error": result["error"],
        "route": route and {**route, "boots": [_boot(boot) for boot in route["boots"]]},
    }


def _boot(boot: RouteBoot) -> dict[str, Any]:
    return {**boot, "text": None if boot["text"] is None else _cut(boot["text"], LONGEST_TEXT)}


def _cut(text: str, most: int) -> dict[str, Any]:
    """Keep the beginning of a long text, and how long it was."""
    return {"said": text[:most], "length": len(text)}
