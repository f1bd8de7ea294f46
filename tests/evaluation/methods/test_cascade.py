from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from evaluation.toys import Toy, output, question, random_questions, run, run_fitted, toy

from lightrouter_graph.errors import NoSurvivorError
from lightrouter_graph.evaluation.methods.cascade import Chain, FittedCascade, cascade, fit_cascade
from lightrouter_graph.evaluation.methods.history import by_history, cost_of, mean_costs
from lightrouter_graph.evaluation.methods.quality_features import CandidateStats, QualityModel, answer_features, train
from lightrouter_graph.evaluation.methods.regression import fit_logistic
from lightrouter_graph.evaluation.questions import Question

PRICES = {"a": (1.0, 10.0), "b": (2.0, 20.0), "c": (4.0, 40.0)}
BELIEVES_KEYS = fit_logistic(np.outer([0, 1], np.arange(7) == 4), np.array([0.0, 1.0]), ridge=1e-4)
"""Predicts nearly 1 for an answer with a key, and nearly 0 for one without."""


def chain_of(world: Toy, names: str) -> FittedCascade:
    stats = dict.fromkeys(names, CandidateStats(0.0, 50.0))
    chain = Chain(tuple(names), (0.5,) * (len(names) - 1), 0.0, 0.0)
    return FittedCascade(tuple(world.setting.pool[n] for n in names), chain, QualityModel(stats, BELIEVES_KEYS), None)


def asked_of(number: int, a: int | None, b: int | None, c: int | None) -> Question:
    said = {"a": output(a, 0.0, tokens=10), "b": output(b, 0.0, tokens=20), "c": output(c, 0.0, tokens=40)}
    return replace(question(number, said), text=f"What is two plus two, number {number}?")  # 9 tokens and 4


def test_a_chain_pays_for_each_step_it_takes_and_for_no_other() -> None:
    world = toy([asked_of(1, 5, 6, 7), asked_of(2, None, 6, 7), asked_of(3, None, None, None)], prices=PRICES)
    first, second, third = run_fitted(chain_of(world, "abc"), world.asked)
    assert [one.reply.chosen for one in (first, second, third) if one.reply] == ["a", "b", "c"]
    assert [one.names for one in (first, second, third)] == [["a"], ["a", "b"], ["a", "b", "c"]]
    assert [one.tokens for one in (first, second, third)] == [(13, 10), (26, 30), (39, 70)]
    assert second.calls[1]["began_s"] == second.calls[0]["ended_s"]
    spent = sum(call["usd"] or 0 for call in second.calls)
    assert spent == pytest.approx((13 * 1 + 10 * 10 + 13 * 2 + 20 * 20) / 1e6)
    assert first.reply is not None
    assert third.reply is not None
    assert (first.reply.confidence or 0) > 0.99
    assert (third.reply.confidence or 1) < 0.01


def test_a_candidate_that_fails_is_passed_over() -> None:
    world = toy([asked_of(1, None, 6, 7)], names=["gone", "a", "gone too"])
    (one,) = run_fitted(
        replace(chain_of(world, "a"), candidates=world.setting.pool.candidates, chain=Chain((), (0.5, 0.5), 0, 0)),
        world.asked,
    )
    assert one.reply is not None
    assert one.reply.chosen == "a"  # it did not look right, but it is the last there is
    (none,) = run_fitted(replace(chain_of(world, "a"), candidates=(world.setting.pool["gone"],)), world.asked)
    assert isinstance(none.error, NoSurvivorError)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("percent", [40, 100, 250])
def test_the_chosen_plan_is_the_best_of_all_within_the_limit(seed: int, percent: int) -> None:
    history = random_questions(seed, "abc", 30, start=100)
    world = toy(random_questions(seed + 50, "abc", 1), history=history, prices=PRICES)
    limit = mean_costs(world.setting)[by_history(world.setting)[0].name] * percent / 100
    chain = fit_cascade(world.setting, percent).chain
    plans = _all_plans(world)
    within = [(score, -cost) for score, cost in plans if cost <= limit + 1e-12]
    if within:
        assert (chain.score, -chain.cost) == pytest.approx(max(within, key=lambda p: (round(p[0], 9), p[1])))
    else:
        assert chain.cost == pytest.approx(min(cost for _, cost in plans))


def _all_plans(world: Toy) -> list[tuple[float, float]]:
    """Walk every question down every chain with every threshold of the grid."""
    training, means = train(world.setting), mean_costs(world.setting)
    unseen = {(row.candidate, row.question.id): p for row, p in zip(training.rows, training.unseen, strict=True)}
    grid = {n: np.quantile([p for (m, _), p in unseen.items() if m == n], np.linspace(0.1, 0.9, 9)) for n in means}
    chains = [c for size in (1, 2, 3) for c in combinations(sorted(means, key=lambda n: means[n]), size)]
    return [
        _walk(world, chain, (*thresholds, 0.0), unseen)
        for chain in chains
        for thresholds in product(*(grid[n] for n in chain[:-1]))
    ]


def _walk(
    world: Toy, chain: tuple[str, ...], thresholds: tuple[float, ...], unseen: dict[tuple[str, str], float]
) -> tuple[float, float]:
    score = cost = 0.0
    for asked in world.history:
        for name, threshold in zip(chain, thresholds, strict=True):
            cost += cost_of(world.setting.pool[name], asked, asked.outputs[name], in_usd=True)
            if name == chain[-1] or unseen[name, asked.id] >= threshold:
                score += asked.outputs[name].score or 0.0
                break
    return score / len(world.history), cost / len(world.history)


def test_a_cheap_candidate_that_shows_when_it_does_not_know_saves_money() -> None:
    def some(start: int) -> list[Question]:
        return [
            question(i, {"cheap": (i, 1.0) if i % 2 else (None, 0.0), "dear": (i, 1.0) if i % 9 else (0, 0.0)})
            for i in range(start, start + 60)
        ]

    world = toy(some(0), history=some(100), prices={"cheap": (0.1, 0.1), "dear": (10.0, 10.0)})
    answered = run(cascade(), world)
    assert sum(one.score or 0 for one in answered) > sum(q.outputs["dear"].score or 0 for q in world.asked)
    assert [one.names[-1] for one in answered] == ["dear", "cheap"] * 30


def test_the_looks_of_an_answer() -> None:
    prior, length, distance, finished, keyed, hedges, asked = answer_features(
        "Perhaps it might be 4.", "x" * 9, CandidateStats(1.5, 45.0), keyed=True, finished=False
    )
    assert (prior, finished, keyed) == (1.5, 0.0, 1.0)
    assert (length, distance) == (pytest.approx(np.log(23 / 46)), pytest.approx(np.log(2)))
    assert (hedges, asked) == (pytest.approx(np.log(3)), pytest.approx(np.log(10)))
