"""The seam: which methods an experiment runs, and what it draws from their results beside the table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Point, Result
from lightrouter_graph.evaluation.stats.bootstrap import SCORES, interval

ByMethod = Mapping[str, Sequence[Result]]
"""The results of each method, by its name."""

Curves = dict[str, list[Point]]


@dataclass(frozen=True, slots=True)
class Findings:
    """What an experiment reads off its results beside the table.

    Attributes:
        curves: Lines to draw, by name.
        notes: What was found, in sentences.
    """

    curves: Curves = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def no_findings(results: ByMethod, questions: Sequence[Question]) -> Findings:  # noqa: ARG001
    """Return nothing: the table says it all."""
    return Findings()


@dataclass(frozen=True, slots=True)
class Experiment:
    """One question put to the methods.

    Attributes:
        name: As on the command line.
        title: For the report.
        methods: What is run, in table order.
        against: The methods every other one is compared with.
        find: What is read off the results beside the table.
        notes: What a reader must know beforehand.
        live_only: Whether recorded models cannot answer it.
    """

    name: str
    title: str
    methods: tuple[str, ...]
    against: tuple[str, ...] = ()
    find: Callable[[ByMethod, Sequence[Question]], Findings] = no_findings
    notes: tuple[str, ...] = ()
    live_only: bool = False


def quality_point(x: float, results: Sequence[Result], label: str = "") -> Point | None:
    """Return mean quality with its interval at `x`; a failure counts as 0. None where nothing is scored."""
    scores = [0.0 if result["error"] else result["score"] for result in results]
    known = [score for score in scores if score is not None]
    mean = interval(known, SCORES) if known else None
    return None if mean is None else {"x": x, "y": mean, "label": label}


def tokens_point(x: float, results: Sequence[Result], label: str = "") -> Point | None:
    """Return mean output tokens with their interval at `x`."""
    mean = interval([result["output_tokens"] for result in results])
    return None if mean is None else {"x": x, "y": mean, "label": label}
