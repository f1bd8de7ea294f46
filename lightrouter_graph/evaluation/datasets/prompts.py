"""How questions of public sets are put: the options as they are listed, and how the answer is to end."""

from collections.abc import Sequence
from string import ascii_uppercase

MOST_OPTIONS = len("ABCDEFGHIJ")
"""Options are lettered A to J at most: what `lightrouter_graph.answer_keys` knows to read."""

_NUMBER = """\
{question}

Think step by step, then finish with "The answer is X", where X is the number alone."""

_MATHS = """\
{question}

Think step by step, then finish with the final answer alone in \\boxed{{}}."""

_CHOICE = """\
{question}

{options}

Think step by step, then finish with "The answer is (X)", where X is the letter of the right option."""


def ask_for_number(question: str) -> str:
    """Put a question whose answer is a number."""
    return _NUMBER.format(question=question.strip())


def ask_for_maths(question: str) -> str:
    r"""Put a question whose answer is a mathematical expression, to be given in `\boxed{}`."""
    return _MATHS.format(question=question.strip())


def ask_for_letter(question: str, options: Sequence[str]) -> str:
    """Put a question with 2 to 10 options, each on a line of its own as `(A) ...`."""
    lines = (f"({letter}) {' '.join(option.split())}" for letter, option in zip(ascii_uppercase, options, strict=False))
    return _CHOICE.format(question=question.strip(), options="\n".join(lines))
