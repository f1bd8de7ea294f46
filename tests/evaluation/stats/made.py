"""Results, routes and questions for the tests of figures: all that does not matter has a value here."""

from collections.abc import Sequence

from lightrouter_graph.evaluation.questions import Output, Question
from lightrouter_graph.evaluation.records import Result, Route, RouteBoot, RunFacts


def made_boot(candidate: str, *, kept: bool, score: float | None = 0.5) -> RouteBoot:
    return RouteBoot(
        candidate=candidate,
        text=None,
        characters=10,
        tokens=3,
        finished=False,
        score=score,
        prior=0.5,
        answer=None,
        kept=kept,
        why="",
    )


def made_route(kept: Sequence[str], dropped: Sequence[str], *, agreed: int = 0) -> Route:
    boots = [*(made_boot(name, kept=True) for name in kept), *(made_boot(name, kept=False) for name in dropped)]
    return Route(
        boots=boots, kept=list(kept), selector="consistency", agreed=agreed, answered=len(kept), stopped="", merged=""
    )


def made_result(question: str, score: float | None, method: str = "ours", **rest: object) -> Result:
    result = Result(
        question=question,
        method=method,
        fold=0,
        category=None,
        score=score,
        chosen=None,
        text=None,
        answer=None,
        confidence=None,
        calls=1,
        input_tokens=100,
        output_tokens=10,
        usd=0.001,
        first_token_s=0.5,
        seconds=2.0,
        stand_in="",
        error="",
        route=None,
        spent=[],
    )
    return Result(**{**result, **rest})


def made_question(name: str, **scores: float | None) -> Question:
    return Question(name, "?", outputs={model: Output("words", score, 10) for model, score in scores.items()})


FACTS = RunFacts(
    title="",
    experiment="table",
    data="made",
    mode="replay",
    questions=0,
    candidates=[],
    prices={},
    scoring="recorded",
    seed=0,
    folds=5,
    command="",
    version="",
    notes=["from the caller"],
)
