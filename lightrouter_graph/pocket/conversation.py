"""What a conversation asks of a pocket model: the word problem, what it already wrote, the answers to merge."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from lightrouter_graph.pocket.tokenizer import DIGITS, Tokenizer, split_pieces
from lightrouter_graph.prompts import DRAFT

OUT_OF_WORLD = (
    "I am one of the small practice models that come with lightrouter_graph: I can only solve short grade-school word "
    "problems with whole numbers, such as 'Mia has 47 apples and gets 38 more. How many apples does Mia have now?'. "
    "For other questions, set up a real pool: an API key in the environment, or a lightrouter.toml."
)
_LISTED = re.compile(r'^\d+\. (".*")$', re.MULTILINE)
_DRAFT = DRAFT.partition("{")[0]
_MOST_ANSWERS = 3
_LARGEST = 9999
_FEWEST_WORDS, _MOST_WORDS = 5, 60


@dataclass(frozen=True, slots=True)
class Asked:
    """A request a pocket model understands.

    Attributes:
        question: The word problem.
        answers: Answers to merge, best first; empty where none were given.
        written: What the model is to go on from.
    """

    question: str
    answers: tuple[str, ...] = ()
    written: str = ""


def read_request(messages: Sequence[BaseMessage], tokenizer: Tokenizer) -> Asked | None:
    """Find the word problem of a conversation; None when there is none these models could know.

    What this package adds behind a question (drafts, other models' boots, the answers to merge) is no question: it is
    passed over, but for the answers. A final message of the model itself is continued.

    Args:
        messages: The conversation.
        tokenizer: It tells which words are known.
    """
    last = messages[-1] if messages else None
    written = str(last.text) if isinstance(last, AIMessage) else ""
    told = [str(message.text) for message in messages if isinstance(message, HumanMessage)]
    answers: tuple[str, ...] = ()
    while told and _is_added(told[-1]):
        answers = tuple(str(json.loads(text)) for text in _LISTED.findall(told.pop()))
    question = told[-1] if told else ""
    return Asked(question, answers[:_MOST_ANSWERS], written) if is_in_world(question, tokenizer) else None


def _is_added(text: str) -> bool:
    return bool(_LISTED.search(text)) or text.startswith(_DRAFT)


def is_in_world(question: str, tokenizer: Tokenizer) -> bool:
    """Whether a text looks like the word problems of training: a number, and hardly an unknown word but names."""
    pieces = split_pieces(question)
    numbers = [int(piece) for piece in pieces if piece[0] in DIGITS]
    strange = {word for word in tokenizer.unknown_words(question) if word.islower() or not word.isalpha()}
    names = {word for word in tokenizer.unknown_words(question) if word not in strange}
    return (
        bool(numbers)
        and _FEWEST_WORDS <= len(pieces) <= _MOST_WORDS
        and max(numbers) <= _LARGEST
        and len(strange) <= 1
        and all(word.isalpha() for word in strange)  # a sign such as * is no word they could pass over
        and len(names) <= 2
    )
