"""Answers that are the letter of an option."""

import re

from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.answer_keys.question_type import read_question
from lightrouter_graph.evaluation.questions import Question

_ANSWER_IS = re.compile(r"answer is \(?([A-J])\)?(?![\w'])")
_ANSWER = re.compile(r"[Aa]nswer:[ \t]*(?:\*\*)?[ \t]*\(?([A-J])\)?(?![\w'])")
_LONE = re.compile(r"\b([A-J])\b(?!')")


class LetterScorer:
    """1 where an answer gives the letter of the reference.

    Read as published results of MMLU-Pro are, the first rule that finds a letter deciding: "answer is (X)", the short
    answer of the text, "Answer: X", the last capital letter A to J that stands alone. A text without any is wrong;
    no letter is drawn by lot for it.

    Source: the evaluation of TIGER-Lab/MMLU-Pro. Deviation: it draws a letter where it finds none, and does not know
    the short answers of `lightrouter_graph.answer_keys`.
    """

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer; None without a reference that is a letter from A to J."""
        right = (question.reference or "").strip().strip("()").upper()
        if len(right) != 1 or not "A" <= right <= "J":
            return None
        return float(read_letter(text, question.text) == right)


def read_letter(text: str, question: str) -> str | None:
    """Read the letter that a text answers with; None where it gives none."""
    if found := _ANSWER_IS.search(text):
        return found[1]
    key = default_key(text, question)
    if key is not None and len(key) == 1 and "A" <= key <= "J":
        return key
    if found := _ANSWER.search(text):
        return found[1]
    options = read_question(question).options or "ABCDEFGHIJ"
    lone = [letter for letter in _LONE.findall(text) if letter in options]  # "I" is a word where there are four
    return lone[-1] if lone else None
