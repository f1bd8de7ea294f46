from collections.abc import Sequence

import numpy as np
import pytest
from evaluation.toys import question, run, run_fitted, toy

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.router import choose_pair, fit_router, question_features, two_model_router
from lightrouter_graph.evaluation.questions import Question

HARD = "Integrate the hyperbolic tangent along the contour numbered"
EASY = "Add up the apples in basket number"


def lessons(start: int, count: int) -> list[Question]:
    """Make questions of which every other is hard; there, only the strong candidate is right."""
    made = []
    for i in range(start, start + count):
        hard = i % 2 == 0
        said = {"strong": (i, 1.0), "weak": (0, 0.0) if hard else (i, 1.0)}
        made.append(Question(f"q{i}", f"{HARD if hard else EASY} {i}.", outputs=question(i, said).outputs))
    return made


PRICES = {"strong": (3.0, 9.0), "weak": (0.3, 0.9)}


def test_it_learns_where_the_strong_candidate_is_worth_its_price() -> None:
    answered = run(two_model_router(), toy(lessons(0, 20), history=lessons(100, 40), prices=PRICES))
    assert [one.names for one in answered] == [["strong"], ["weak"]] * 10
    assert [one.score for one in answered] == [1.0] * 20
    assert all(one.tokens[1] == 10 for one in answered)


@pytest.mark.parametrize("percent", [0, 20, 80, 100])
def test_the_threshold_sets_how_many_go_to_the_strong_candidate(percent: int) -> None:
    rng = np.random.default_rng(4)
    words = ["".join(rng.choice(list("abcdefgh"), 6)) for _ in range(30)]

    def some(start: int, count: int) -> list[Question]:
        said = {"strong": (1, 1.0), "weak": (2, 0.0)}, {"strong": (1, 0.0), "weak": (2, 1.0)}
        texts = [" ".join(rng.choice(words, 9)) for _ in range(count)]
        return [
            Question(f"q{start + i}", text, outputs=question(i, said[int(rng.random() < 0.4)]).outputs)
            for i, text in enumerate(texts)
        ]

    world = toy(some(0, 100), history=some(500, 150), prices=PRICES)
    sent = sum(one.names == ["strong"] for one in run(two_model_router(percent), world))
    assert sent == percent if percent in {0, 100} else abs(sent - percent) <= 15


@pytest.mark.parametrize(
    ("costs", "pair"),
    [
        ({"best": 9.0, "good": 3.0, "poor": 1.0}, ("best", "good")),  # a third of the price, and better than poor
        ({"best": 9.0, "good": 4.0, "poor": 1.0}, ("best", "poor")),
        ({"best": 9.0, "good": 4.0, "poor": 5.0}, ("best", "good")),  # nobody is so cheap: the cheapest
        ({"best": 1.0, "good": 4.0, "poor": 5.0}, ("best", "good")),
    ],
)
def test_the_pair(costs: dict[str, float], pair: tuple[str, str]) -> None:
    history = [question(i, {"poor": (0, 0.0), "good": (i, float(i % 2)), "best": (i, 1.0)}) for i in range(100, 110)]
    prices = {name: (0.0, cost) for name, cost in costs.items()}
    strong, weak = choose_pair(toy(history[:1], history=history, prices=prices).setting)
    assert (strong.name, weak.name) == pair


def test_without_prices_tokens_are_what_answers_cost() -> None:
    world = toy(lessons(0, 1), history=lessons(100, 4))
    assert [c.name for c in choose_pair(world.setting)] == ["strong", "weak"]


def test_a_pool_of_one_is_asked_every_time() -> None:
    world = toy(lessons(0, 2), history=lessons(100, 4), names=["weak"])
    assert [one.names for one in run_fitted(fit_router(world.setting, 50), world.asked)] == [["weak"]] * 2


def test_a_pair_that_never_answered_the_same_question_cannot_be_compared() -> None:
    apart = [question(100, {"strong": (1, 1.0)}), question(101, {"weak": (1, 0.0)})]
    with pytest.raises(EvaluationError, match="'strong' and 'weak'"):
        fit_router(toy(lessons(0, 1), history=apart).setting, 50)


def test_features_know_a_text_by_its_n_grams_and_its_length() -> None:
    features = question_features().fit([question.text for question in lessons(0, 10)])

    def closeness(texts: Sequence[str]) -> float:
        one, other = features.transform(texts).toarray()[:, :-1]
        return float(one @ other)

    assert closeness([f"{HARD} 1", f"{HARD} 2"]) > 0.8 > closeness([f"{HARD} 1", f"{EASY} 1"])
    (row,) = features.transform(["ab"]).toarray()
    assert row[-1] == pytest.approx(np.log(3))
    assert not row[:-1].any()
