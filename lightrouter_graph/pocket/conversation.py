"""Parses the messages for a pocket model: the word problem, the text to continue, the answers to merge."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from lightrouter_graph.pocket.tokenizer import DIGITS, Tokenizer, split_pieces
from lightrouter_graph.prompts import DRAFT

UNSUPPORTED = (
    "I am one of the small practice models that come with lightrouter_graph: I can only solve short grade-school word "
    "problems with whole numbers, such as 'Mia has 47 apples and gets 38 more. How many apples does Mia have now?'. "
    "For other questions, set up a real pool: an API key in the environment, or a lightrouter.toml."
)
_LISTED = re.compile(r'^\d+\. (".*")$', re.MULTILINE)
_DRAFT = DRAFT.partition("{")[0]
_MAX_ANSWERS = 3
_MAX_NUMBER = 9999
_MIN_WORDS, _MAX_WORDS = 5, 60


@dataclass(frozen=True, slots=True)
class WordProblem:
    """A request that a pocket model supports.

    Attributes:
        question: The word problem.
        answers: Answers to merge, best first; empty for none.
        written: The start of the response, which the model continues.
    """

    question: str
    answers: tuple[str, ...] = ()
    written: str = ""


def read_request(messages: Sequence[BaseMessage], tokenizer: Tokenizer) -> WordProblem | None:
    """Find the last word problem of a conversation.

    Messages that this package appends (drafts, boots of other models) are skipped; the answers to merge are parsed from
    them. A final message of the model is continued.

    Args:
        messages: The conversation.
        tokenizer: Knows the vocabulary.

    Returns:
        The problem; None if the last question is not one that the models support.
    """
    last = messages[-1] if messages else None
    written = str(last.text) if isinstance(last, AIMessage) else ""
    texts = [str(message.text) for message in messages if isinstance(message, HumanMessage)]
    answers: tuple[str, ...] = ()
    while texts and _is_added(texts[-1]):
        answers = tuple(str(json.loads(text)) for text in _LISTED.findall(texts.pop()))
    question = texts[-1] if texts else ""
    return WordProblem(question, answers[:_MAX_ANSWERS], written) if is_supported(question, tokenizer) else None


def _is_added(text: str) -> bool:
    return bool(_LISTED.search(text)) or text.startswith(_DRAFT)


def is_supported(question: str, tokenizer: Tokenizer) -> bool:
    """Return True if a question resembles the training data: it has a number, and few unknown words except names.

    Args:
        question: The last human message.
        tokenizer: Knows the vocabulary.
    """
    pieces = split_pieces(question)
    numbers = [int(piece) for piece in pieces if piece[0] in DIGITS]
    unknown = {word for word in tokenizer.unknown_words(question) if word.islower() or not word.isalpha()}
    names = {word for word in tokenizer.unknown_words(question) if word not in unknown}
    return (
        bool(numbers)
        and _MIN_WORDS <= len(pieces) <= _MAX_WORDS
        and max(numbers) <= _MAX_NUMBER
        and len(unknown) <= 1
        and all(word.isalpha() for word in unknown)  # an unknown sign such as * changes the problem
        and len(names) <= 2
    )
