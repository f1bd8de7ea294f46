"""Scores multiple-choice answers by the letter of the option."""

import re

from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.answer_keys.question_type import read_question
from lightrouter_graph.evaluation.questions import Question

_ANSWER_IS = re.compile(r"answer is \(?([A-J])\)?(?![\w'])")
_ANSWER = re.compile(r"[Aa]nswer:[ \t]*(?:\*\*)?[ \t]*\(?([A-J])\)?(?![\w'])")
_SINGLE = re.compile(r"\b([A-J])\b(?!')")


class LetterScorer:
    """1 if an answer has the letter of the reference; None if the reference is not a letter from A to J.

    The first matching rule of the published MMLU-Pro evaluation decides: "answer is (X)", the answer key of the text,
    "Answer: X", the last single capital letter A to J. A text without a letter is wrong.

    Source: the evaluation of TIGER-Lab/MMLU-Pro. Deviation: it draws a random letter for a text without one, and does
    not use the answer keys of `lightrouter_graph.answer_keys`.
    """

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer; see `Scorer`."""
        right = (question.reference or "").strip().strip("()").upper()
        if right not in {*"ABCDEFGHIJ"}:
            return None
        return float(read_letter(text, question.text) == right)


def read_letter(text: str, question: str) -> str | None:
    """Return the letter of an answer; None if there is none.

    Args:
        text: The whole answer.
        question: Text of the question, with its options.
    """
    if found := _ANSWER_IS.search(text):
        return found[1]
    key = default_key(text, question)
    if key is not None and key in {*"ABCDEFGHIJ"}:
        return key
    if found := _ANSWER.search(text):
        return found[1]
    options = read_question(question).options or "ABCDEFGHIJ"
    single = [letter for letter in _SINGLE.findall(text) if letter in options]  # with four options, "I" is a word
    return single[-1] if single else None
