from dataclasses import replace

import pytest
from evaluation.toys import output, question, run, toy

from lightrouter_graph.errors import EvaluationError, NoSurvivorError
from lightrouter_graph.evaluation.methods.base import Baseline
from lightrouter_graph.evaluation.methods.moa import REFERENCES, mixture_of_agents, self_moa
from lightrouter_graph.evaluation.questions import Output, Question
from lightrouter_graph.testing.tokens import count_tokens

ASKED = "What is two plus two?"
"""6 tokens, and 4 for the message."""

PRICES = {"a": (1.0, 10.0), "b": (2.0, 20.0), "c": (4.0, 40.0)}


def two_plus_two(**more: Output) -> Question:
    said = {"a": Output("The answer is 4.", 1.0, 7), "b": Output("The answer is 4.", 1.0, 9)}
    return Question("q", ASKED, outputs={**said, "c": Output("The answer is 5.", 0.0, 11), **more})


def reading(answers: int) -> int:
    """Count the tokens of a prompt with references: each is 7 with its number, and a line end lies between two."""
    words = count_tokens(REFERENCES.format(answers=""))
    return (words + 7 * answers + (answers - 1) + 4) + (6 + 4)


def test_one_layer_pays_for_all_answers_and_for_an_aggregator_that_reads_them() -> None:
    (one,) = run(mixture_of_agents(1), toy([two_plus_two()], prices=PRICES, writer="c"))
    proposals, merged = one.calls[:3], one.calls[3]
    assert sum(call["input_tokens"] for call in proposals) == 3 * 10
    assert sum(call["output_tokens"] for call in proposals) == 7 + 9 + 11
    assert (merged["stage"], merged["candidate"]) == ("aggregate", "c")
    assert (merged["input_tokens"], merged["output_tokens"]) == (reading(3), 7)
    assert merged["usd"] == pytest.approx((reading(3) * 4 + 7 * 40) / 1e6)
    assert merged["began_s"] == max(call["ended_s"] for call in proposals)
    assert one.reply is not None
    assert (one.reply.text, one.reply.chosen) == ("The answer is 4.", "a")


def test_two_layers_pay_for_every_reader_of_every_answer() -> None:
    (one,) = run(mixture_of_agents(2), toy([two_plus_two()], prices=PRICES, writer="c"))
    assert len(one.calls) == 3 + 3 + 1
    assert one.tokens == (3 * 10 + 3 * reading(3) + reading(3), 27 + 27 + 7)
    proposers = sum(
        p_in * (10 + reading(3)) + p_out * 2 * n for (p_in, p_out), n in zip(PRICES.values(), (7, 9, 11), strict=True)
    )
    assert sum(call["usd"] or 0 for call in one.calls) == pytest.approx((proposers + reading(3) * 4 + 7 * 40) / 1e6)


def test_approximations_are_described() -> None:
    one, two = (run(mixture_of_agents(n), toy([two_plus_two()]))[0].reply for n in (1, 2))
    assert one is not None
    assert two is not None
    assert "vote" in one.stand_in
    assert two.stand_in.startswith(one.stand_in)
    assert "repeat" in two.stand_in
    real = run(mixture_of_agents(2), toy([two_plus_two()], writer_is_stub=False))[0].reply
    assert real is not None
    assert (real.stand_in, real.chosen) == ("", None)


def test_a_proposer_that_fails_is_not_listed() -> None:
    (one,) = run(mixture_of_agents(1), toy([two_plus_two()], names=["a", "gone", "c"]))
    assert one.calls[-1]["input_tokens"] == reading(2)


def test_an_aggregator_that_fails_leaves_no_answer() -> None:
    stranger = toy([question(1, {"a": (3, 1.0)})]).setting.writer  # to whom this question was never put
    world = toy([two_plus_two()])
    (one,) = run(mixture_of_agents(1), replace(world, setting=replace(world.setting, writer=stranger)))
    assert isinstance(one.error, NoSurvivorError)
    assert "no recorded question" in str(one.error)


@pytest.mark.parametrize("method", [mixture_of_agents(1), self_moa()])
def test_a_mixture_needs_a_writer(method: Baseline) -> None:
    world = toy([two_plus_two()])
    with pytest.raises(EvaluationError, match="needs a model that merges"):
        method.fit(replace(world.setting, writer=None))


def test_self_moa_asks_the_best_candidate_for_its_samples_and_votes_among_them() -> None:
    again = (output(6, 0.0, tokens=20, words=4), output(6, 0.0, tokens=30, words=5))
    best = output(2, 1.0, tokens=10, samples=again)
    asked = [question(1, {"a": (9, 0.0), "b": best})]
    history = [question(i, {"a": (0, 0.0), "b": (i, 1.0)}) for i in (100, 101)]
    (one,) = run(self_moa(3), toy(asked, history=history, writer="b"))
    assert one.names == ["b"] * 4
    assert sorted(call["output_tokens"] for call in one.calls[:3]) == [10, 20, 30]
    assert one.calls[3]["stage"] == "aggregate"
    assert one.reply is not None
    assert (one.reply.text, one.reply.chosen) == (again[0].text, "b")
    assert one.reply.stand_in


def test_samples_that_were_not_recorded_are_left_out() -> None:
    asked = [question(1, {"a": output(2, samples=(output(2, words=5),))})]
    (one,) = run(self_moa(6), toy(asked))
    assert len(one.calls) == 2 + 1
    assert one.score == 1.0
