import pytest
from evaluation.toys import output, question, random_questions, run, toy

from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.evaluation.methods.single import single


@pytest.mark.parametrize(("answer", "key"), [(7, "7"), (None, None)])
@pytest.mark.parametrize("words", [0, 3, 40])
def test_a_toy_answer_is_compared_by_what_it_was_made_of(answer: object, key: str | None, words: int) -> None:
    assert default_key(output(answer, words=words).text, "What is 3 plus 3, in words or figures?") == key


def test_drawn_questions_are_the_same_each_time_and_right_as_often_as_their_models() -> None:
    drawn = random_questions(5, "abc", 300)
    right = {name: sum(q.outputs[name].score for q in drawn) / 300 for name in "abc"}
    assert drawn == random_questions(5, "abc", 300)
    assert right["a"] > right["b"] + 0.1 > right["c"] + 0.2


def test_a_root_run_has_answer_cost_and_error() -> None:
    asked = [question(1, {"a": (2, 1.0), "b": (3, 0.0)}), question(2, {"b": (4, 0.5)})]
    first, second = run(single("a"), toy(asked, prices={"a": (1, 2), "b": (1, 2)}))
    assert (first.score, first.names, first.tokens[1]) == (1.0, ["a"], 10)
    assert (second.score, type(second.error).__name__) == (0.0, "NoSurvivorError")
