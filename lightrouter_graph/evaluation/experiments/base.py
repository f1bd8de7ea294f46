"""`Experiment`: the methods that it runs, and the curves and sentences that it derives from their results."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import Point, Result
from lightrouter_graph.evaluation.stats.bootstrap import SCORES, interval, paired

ByMethod = Mapping[str, Sequence[Result]]
"""Results by name of the method."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Curves by name, and sentences for the report."""

    curves: dict[str, list[Point]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def measured(cls, curves: Mapping[str, Iterable[Point | None]], notes: Iterable[str] = ()) -> "Findings":
        """Leave out the points that could not be measured, and empty curves."""
        measured = {name: [point for point in points if point is not None] for name, points in curves.items()}
        return cls({name: points for name, points in measured.items() if points}, tuple(notes))


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
    find: Callable[[ByMethod, Sequence[Question]], Findings] = lambda _results, _questions: Findings()
    notes: tuple[str, ...] = ()
    live_only: bool = False


def quality_point(x: float, results: Sequence[Result], label: str = "") -> Point | None:
    """Return a point with the mean quality of the results, in which a failure scores 0; None without any score."""
    scores = [0.0 if result["error"] else result["score"] for result in results]
    known = [score for score in scores if score is not None]
    mean = interval(known, SCORES) if known else None
    return None if mean is None else {"x": x, "y": mean, "label": label}


def tokens_point(x: float, results: Sequence[Result], label: str = "") -> Point | None:
    """Return a point with the mean output tokens of the results; None without any."""
    mean = interval([result["output_tokens"] for result in results])
    return None if mean is None else {"x": x, "y": mean, "label": label}


def quality_gain(ours: Sequence[Result], theirs: Sequence[Result]) -> str | None:
    """Return the paired gain in quality over the common questions, as `+1.2 points [-0.3, +2.7]`; None without any."""
    other = {result["question"]: result["score"] or 0.0 for result in theirs}
    both = [result for result in ours if result["question"] in other]
    gain = paired([result["score"] or 0.0 for result in both], [other[result["question"]] for result in both])
    if gain is None:
        return None
    low, value, high = (100 * gain[end] for end in ("low", "value", "high"))
    return f"{value:+.1f} points [{low:+.1f}, {high:+.1f}]"
