"""`Experiment`: the methods that it runs, and the curves and sentences that it derives from their results."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Point, Result
from lightrouter_graph.evaluation.stats.bootstrap import SCORES, interval

ByMethod = Mapping[str, Sequence[Result]]
"""Results by name of the method."""

Curves = dict[str, list[Point]]


@dataclass(frozen=True, slots=True)
class Findings:
    """Curves by name, and sentences for the report."""

    curves: Curves = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def no_findings(results: ByMethod, questions: Sequence[Question]) -> Findings:  # noqa: ARG001
    """Return no findings: the table has all results."""
    return Findings()


@dataclass(frozen=True, slots=True)
class Experiment:
    """Methods of an experiment in table order, and what the report derives from their results.

    `against` are the methods that every other one is compared with; `find` returns the findings of (results by method,
    questions); `notes` are caveats for the report; `live_only` experiments need live models.
    """

    name: str
    title: str
    methods: tuple[str, ...]
    against: tuple[str, ...] = ()
    find: Callable[[ByMethod, Sequence[Question]], Findings] = no_findings
    notes: tuple[str, ...] = ()
    live_only: bool = False


def quality_point(x: float, results: Sequence[Result], label: str = "") -> Point | None:
    """Return a point with the mean quality of results; None without any score.

    Args:
        x: Position on the x axis.
        results: Results of one method; a failure scores 0.
        label: Label of the point.
    """
    scores = [0.0 if result["error"] else result["score"] for result in results]
    known = [score for score in scores if score is not None]
    mean = interval(known, SCORES) if known else None
    return None if mean is None else {"x": x, "y": mean, "label": label}


def tokens_point(x: float, results: Sequence[Result], label: str = "") -> Point | None:
    """Return a point with the mean output tokens of results; see `quality_point`."""
    mean = interval([result["output_tokens"] for result in results])
    return None if mean is None else {"x": x, "y": mean, "label": label}
