"""Every way of choosing among answers, against the plainest re-computation from the recordings."""

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations

import pytest
from evaluation.toys import Answered, Toy, output, question, run, toy
from hypothesis import given, settings
from hypothesis import strategies as st

from lightrouter_graph.evaluation.methods.registry import baseline_named
from lightrouter_graph.evaluation.questions import Question

ANSWERS = st.sampled_from([1, 2, 3, None])


@st.composite
def outputs(draw: st.DrawFn) -> tuple[int | None, float, int]:
    return draw(ANSWERS), draw(st.sampled_from([0.0, 1.0])), draw(st.integers(1, 60))


@st.composite
def worlds(draw: st.DrawFn) -> Toy:
    names = "abcd"[: draw(st.integers(3, 4))]

    def some(start: int, least: int) -> list[Question]:
        rows = draw(st.lists(st.tuples(*[outputs() for _ in names]), min_size=least, max_size=20))
        return [question(start + i, _made(names, row)) for i, row in enumerate(rows)]

    return toy(some(0, 5), history=some(100, 5), seed=draw(st.integers(0, 9)))


def _made(names: str, row: Sequence[tuple[int | None, float, int]]) -> dict[str, object]:
    return {
        name: output(answer, score, tokens=tokens, words=place)
        for place, (name, (answer, score, tokens)) in enumerate(zip(names, row, strict=True))
    }


def answer_of(asked: Question, name: str) -> str | None:
    last = asked.outputs[name].text.split()[-1].rstrip(".")
    return last if last.isdigit() else None


def by_history(world: Toy) -> list[str]:
    names = world.setting.pool.names
    return sorted(names, key=lambda n: -sum(q.outputs[n].score or 0 for q in world.history) / len(world.history))


def majority(asked: Question, names: Sequence[str]) -> tuple[str, float | None]:
    votes = Counter(answer_of(asked, name) for name in names if answer_of(asked, name))
    if not votes:
        return names[0], None
    best = max(votes.values())
    winner = next(n for n in names if votes.get(answer_of(asked, n) or "") == best)
    return winner, best / sum(votes.values())


def check(
    world: Toy, name: str, asked_of: Callable[[Question], Sequence[str]], choose: Callable[[Question], str]
) -> list[Answered]:
    """Compare the calls, their cost and the chosen candidate, question by question."""
    answered = run(baseline_named(name), world)
    for one in answered:
        names = asked_of(one.question)
        assert one.reply is not None
        assert sorted(one.names) == sorted(names)
        assert one.tokens[1] == sum(one.question.outputs[n].tokens for n in names)
        assert one.reply.chosen == choose(one.question)
        assert one.reply.text == one.question.outputs[one.reply.chosen].text
    return answered


@given(world=worlds())
@settings(max_examples=15)
def test_singles(world: Toy) -> None:
    pool = world.setting.pool.names
    check(world, "single:b", lambda _: ["b"], lambda _: "b")
    check(world, "first", lambda _: [pool[0]], lambda _: pool[0])
    best = by_history(world)[0]
    check(world, "best-single", lambda _: [best], lambda _: best)


@given(world=worlds(), k=st.integers(1, 5))
@settings(max_examples=12)
def test_votes(world: Toy, k: int) -> None:
    ranked = by_history(world)
    top = ranked[:k]
    counted = check(world, "majority", lambda _: ranked, lambda q: majority(q, ranked)[0])
    assert [one.reply.confidence for one in counted if one.reply] == [majority(q, ranked)[1] for q in world.asked]
    check(world, f"top-{k}", lambda _: top, lambda q: majority(q, top)[0])


@given(world=worlds(), k=st.integers(1, 5))
@settings(max_examples=12)
def test_oracles(world: Toy, k: int) -> None:
    for name, names in {f"oracle-{k}": by_history(world)[:k], "oracle": world.setting.pool.names}.items():
        answered = check(world, name, lambda _, names=names: names, lambda q, names=names: _best(q, names))
        assert [one.score for one in answered] == [max(q.outputs[n].score for n in names) for q in world.asked]


def _best(asked: Question, names: Sequence[str]) -> str:
    return next(n for n in names if asked.outputs[n].score == max(asked.outputs[m].score for m in names))


@given(world=worlds(), k=st.integers(1, 5))
@settings(max_examples=12)
def test_random_candidates(world: Toy, k: int) -> None:
    pool = world.setting.pool.names
    answered = run(baseline_named(f"random-{k}"), world)
    again = run(baseline_named(f"random-{k}"), world, list(reversed(world.asked)))
    assert [one.reply for one in answered] == [one.reply for one in reversed(again)]  # by the question, not its place
    for one in answered:
        assert one.reply is not None
        assert len(set(one.names)) == len(one.names) == min(k, len(pool))
        drawn = random.Random(f"{world.setting.seed}:{one.question.id}").sample(
            world.setting.pool.candidates, len(one.names)
        )
        assert one.reply.chosen == majority(one.question, [c.name for c in drawn])[0]


@given(world=worlds())
@settings(max_examples=12)
def test_the_weighted_vote(world: Toy) -> None:
    pool = by_history(world)
    weights, coincidence = _naive_bayes(world)
    for one in check(world, "weighted-vote", lambda _: pool, lambda q: _heaviest(q, pool, weights)):
        likely = _posterior(one.question, pool, weights, coincidence)
        assert one.reply is not None
        assert one.reply.confidence == (likely if likely is None else pytest.approx(likely))


def _naive_bayes(world: Toy) -> tuple[dict[str, float], float]:
    names, pairs = world.setting.pool.names, []
    for asked in world.history:
        wrong = [answer_of(asked, n) for n in names if asked.outputs[n].score == 0 and answer_of(asked, n)]
        pairs += [a == b for a, b in combinations(wrong, 2)]
    c = min(max(sum(pairs) / len(pairs) if pairs else 0.2, 0.01), 0.5)
    weights = {}
    for name in names:
        seen = [asked.outputs[name].score for asked in world.history if answer_of(asked, name)]
        p = (1 + sum(seen)) / (2 + len(seen))
        weights[name] = max(0.0, math.log(min(max(p, 0.02), 0.98) / (1 - min(max(p, 0.02), 0.98)) / c))
    return weights, c


def _sums(asked: Question, names: Sequence[str], weights: dict[str, float]) -> dict[str, float]:
    keys = dict.fromkeys(answer_of(asked, n) for n in names if answer_of(asked, n))
    return {key: sum(weights[n] for n in names if answer_of(asked, n) == key) for key in keys if key}


def _heaviest(asked: Question, names: Sequence[str], weights: dict[str, float]) -> str:
    sums = _sums(asked, names, weights)
    best = max((round(s, 9) for s in sums.values()), default=None)
    return next(n for n in names if best is None or round(sums.get(answer_of(asked, n) or "", -1), 9) == best)


def _posterior(asked: Question, names: Sequence[str], weights: dict[str, float], c: float) -> float | None:
    odds = [c * math.exp(s) for s in _sums(asked, names, weights).values()]
    return max(odds) / (sum(odds) + max(0.0, 1 - c * len(odds))) if odds else None
