"""Letters, texts and recorded scores."""

import pytest

from lightrouter_graph.evaluation.questions import Output, Question
from lightrouter_graph.evaluation.scoring import ExactScorer, LetterScorer, RecordedScorer
from lightrouter_graph.evaluation.scoring.text import read_letter

CHOICE = "Which is the largest?\n\n(A) Mercury\n(B) Jupiter\n(C) The Moon\n\nFinish with the letter."


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("It is big. The answer is (B).", "B"),
        ("The answer is B.", "B"),
        ("The answer is (B). Question: what else? The answer is (C).", "B"),
        ("**Answer:** B", "B"),
        ("Answer: (C)", "C"),
        ("\\boxed{B}", "B"),
        ('{"answer": "B"}', "B"),
        ("The answer is Jupiter.", "B"),
        ("Not A, and C is a moon, so I would go for B", "B"),
        ("I don't know", None),
        ("A's and B's", None),
        ("", None),
    ],
)
async def test_letters_are_read(text, letter):
    assert read_letter(text, CHOICE) == letter
    assert await LetterScorer().score(Question("q", CHOICE, reference="B"), text) == float(letter == "B")


@pytest.mark.parametrize("reference", [None, "", "Jupiter", "K", "AB"])
async def test_a_reference_that_is_no_letter_scores_nothing(reference):
    assert await LetterScorer().score(Question("q", CHOICE, reference=reference), "The answer is (B).") is None


@pytest.mark.parametrize(
    ("reference", "text", "right"),
    [
        ("Paris", " paris \n", 1.0),
        ("Paris", "The answer is **Paris**.", 1.0),
        ("Paris", '{"answer": "Paris"}', 1.0),
        ("Paris", "Lyon", 0.0),
        ("Paris", "Is it Paris? I cannot say; many think so, and many do not.", 0.0),
        ("Paris", "", 0.0),
        (None, "Paris", None),
    ],
)
async def test_texts_are_equal_in_any_markup(reference, text, right):
    assert await ExactScorer().score(Question("q", "Where?", reference=reference), text) == right


async def test_code_keeps_its_letter_case():
    question = Question("q", "What is it?\ndef f(s):\n    return s\nassert f('Ab') ==", reference="'Ab'")
    said = ('{"answer": "\'Ab\'"}', '{"answer": "\'ab\'"}')
    assert [await ExactScorer().score(question, text) for text in said] == [1.0, 0.0]


async def test_a_recorded_text_has_its_recorded_score():
    samples = (Output("again", 0.25, 1), Output("unscored", None, 1))
    outputs = {"a": Output("one", 1.0, 1, samples=samples), "b": Output("one", 0.0, 1), "c": Output("two", 0.5, 1)}
    question = Question("q", "What?", reference="one", outputs=outputs)
    scores = {text: await RecordedScorer().score(question, text) for text in ("one", "two", "again", "unscored", "One")}
    assert scores == {"one": 1.0, "two": 0.5, "again": 0.25, "unscored": None, "One": None}
