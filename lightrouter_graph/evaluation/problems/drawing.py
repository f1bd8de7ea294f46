"""Draws grade-school problems with known answers, by kind and difficulty.

The pocket models were trained on problems of the same generator: a hash of the numbers of a problem assigns it to the
training split or to the rest, and `draw_problems` draws from the rest only.

Phrasings are read from `phrasings.json`. ``{a}`` to ``{d}`` are the numbers, ``{name}`` and ``{other}`` two children,
``{things}`` and ``{items}`` counted things. Of ``[box|bag]`` one word is drawn; ``[maybe ]`` is drawn or left out.
"""

import json
import random
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, get_args

from lightrouter_graph.errors import EvaluationError, checked_choices
from lightrouter_graph.evaluation.problems.worked_steps import (
    add,
    divide,
    multiply,
    percent_of,
    subtract,
    write_solution,
)

Kind = Literal[
    "sums", "differences", "chains", "products", "sharing", "rates", "percent", "discounts", "units", "mixed"
]
Difficulty = Literal[1, 2, 3]
Wording = Literal["seen", "held out", "all"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_LEVELS: tuple[Difficulty, ...] = get_args(Difficulty)
_LARGEST = {1: 49, 2: 99, 3: 499}
_HELD_OUT_ONE_IN = 12
_TRIES = 200
_CHOICE = re.compile(r"\[([^]]*)\]")

_DATA = json.loads(files(__package__).joinpath("phrasings.json").read_text(encoding="utf-8"))

NAMES: tuple[str, ...] = tuple(_DATA["names"])
THINGS: tuple[str, ...] = tuple(_DATA["things"])
SEEN: dict[str, tuple[str, ...]] = {form: tuple(texts) for form, texts in _DATA["seen"].items()}
"""Phrasings of the training by form, the arithmetic expression of the numbers."""
HELD_OUT: dict[str, tuple[str, ...]] = {form: tuple(texts) for form, texts in _DATA["held_out"].items()}
"""Phrasings that training does not use, of the same words."""

FORMS: dict[Kind, tuple[str, ...]] = {
    "sums": ("a+b",),
    "differences": ("a-b",),
    "chains": ("a+b-c", "a-b+c"),
    "products": ("a*b",),
    "sharing": ("a/b",),
    "rates": ("a/b*c",),
    "percent": ("a%b",),
    "discounts": ("b-a%b", "b+a%b"),
    "units": ("60*a+b", "7*a+b", "12*a+b"),
    "mixed": ("a*b+c", "a*b-c", "a*b+c*d"),
}
"""Arithmetic expressions of each kind; phrasings are listed by form."""


@checked_choices(EvaluationError)
@dataclass(frozen=True, slots=True)
class Problem:
    """One word problem; `solution` is one right way to write the steps and ends with the answer."""

    kind: Kind
    difficulty: Difficulty
    question: str
    solution: str
    answer: int
    held_out_phrasing: bool


Numbers = tuple[int, int, int, int]


@checked_choices(EvaluationError)
def draw_problems(
    count: int,
    *,
    kinds: Sequence[Kind] = KINDS,
    difficulty: Difficulty | None = None,
    wording: Wording = "seen",
    seed: int = 0,
) -> list[Problem]:
    """Draw problems outside of the training split, different ones as long as a kind has enough of them.

    Args:
        count: Number of problems, one kind after the other.
        kinds: The kinds to draw from.
        difficulty: 1 to 3, the size of the numbers; None mixes them.
        wording: Phrasings of the training, held-out phrasings, or both.
        seed: Seed of the draws.
    """
    rng = random.Random(seed)
    drawn: list[Problem] = []
    asked: set[str] = set()
    for i in range(count):
        tries = (_draw(rng, kinds[i % len(kinds)], difficulty, wording, training=False) for _ in range(_TRIES))
        first = next(tries)
        problem = first if first.question not in asked else next((p for p in tries if p.question not in asked), first)
        asked.add(problem.question)
        drawn.append(problem)
    return drawn


@checked_choices(EvaluationError)
def training_problems(seed: int, weights: dict[Kind, float]) -> Iterator[Problem]:
    """Yield problems of the training split without end, each kind with its relative frequency."""
    rng = random.Random(seed)
    kinds, shares = list(weights), list(weights.values())
    while True:
        yield _draw(rng, rng.choices(kinds, shares)[0], None, "seen", training=True)


@checked_choices(EvaluationError)
def in_training_split(kind: Kind, form: str, numbers: Numbers) -> bool:
    """Return True if the training may use these numbers, with any names and things.

    Args:
        kind: Kind of the problem.
        form: Its arithmetic expression.
        numbers: The numbers a to d; 0 if the form does not use one.
    """
    return zlib.crc32(f"{kind} {form} {numbers}".encode()) % _HELD_OUT_ONE_IN != 0


def _draw(
    rng: random.Random, kind: Kind, difficulty: Difficulty | None, wording: Wording, *, training: bool
) -> Problem:
    level = rng.choice(_LEVELS) if difficulty is None else difficulty
    form = rng.choice(FORMS[kind])
    held_out = wording == "held out" or (wording == "all" and rng.random() < 0.5)
    while True:
        numbers = _NUMBERS[form](rng, _LARGEST[level])
        if in_training_split(kind, form, numbers) == training:
            break
    answer, steps = _solve(form, numbers)
    return Problem(
        kind=kind,
        difficulty=level,
        question=_phrase(rng, rng.choice((HELD_OUT if held_out else SEEN)[form]), numbers),
        solution=write_solution(steps, answer),
        answer=answer,
        held_out_phrasing=held_out,
    )


def _phrase(rng: random.Random, phrasing: str, numbers: Numbers) -> str:
    name, other = rng.sample(NAMES, 2)
    things, items = rng.sample(THINGS, 2)
    index_of: dict[int, int] = {}

    def choose(found: re.Match[str]) -> str:
        words = found[1].split("|")
        if len(words) == 1:
            return rng.choice((words[0], ""))
        # Lists of the same length get the same choice: box and boxes.
        return words[index_of.setdefault(len(words), rng.randrange(len(words)))]

    values = dict(zip("abcd", numbers, strict=True))
    return _CHOICE.sub(choose, phrasing).format(name=name, other=other, things=things, items=items, **values)


def _solve(form: str, numbers: Numbers) -> tuple[int, list[str]]:
    """Return the value of a form and its written-out steps, term by term from left to right."""
    values = dict(zip("abcd", numbers, strict=True))
    total, steps = 0, list[str]()
    for sign, term in re.findall(r"([+-]?)([^+-]+)", form):
        value, more = _term(term, values)
        steps += more
        if sign:
            steps.append((add if sign == "+" else subtract)(total, value))
        total += -value if sign == "-" else value
    return total, steps


def _term(term: str, values: Mapping[str, int]) -> tuple[int, list[str]]:
    first, *rest = re.findall(r"\d+|[a-d]|[*/%]", term)
    value, steps = int(values.get(first, 0) or first), list[str]()
    for operator, name in zip(rest[::2], rest[1::2], strict=True):
        other = values[name]
        if operator == "%":
            return percent_of(value, other)
        if operator == "/":
            steps.append(divide(value, other))
            value //= other
        else:  # of a constant or a result, the larger factor comes first: the digit multiplies
            drawn = first in values and not steps
            steps.append(multiply(value, other) if drawn else multiply(max(value, other), min(value, other)))
            value *= other
    return value, steps


def _two(rng: random.Random, largest: int) -> Numbers:
    return rng.randint(11, largest), rng.randint(11, largest), 0, 0


def _two_falling(rng: random.Random, largest: int) -> Numbers:
    a = rng.randint(20, largest)
    return a, rng.randint(11, a - 2), 0, 0


def _plus_then_minus(rng: random.Random, largest: int) -> Numbers:
    a, b, _, _ = _two(rng, largest)
    return a, b, rng.randint(11, min(a + b - 2, largest)), 0


def _minus_then_plus(rng: random.Random, largest: int) -> Numbers:
    a, b, _, _ = _two_falling(rng, largest)
    return a, b, rng.randint(11, largest), 0


def _even_shares(rng: random.Random, largest: int) -> Numbers:
    by = rng.randint(2, 9)
    return by * rng.randint(3, max(9, largest // by)), by, 0, 0


def _rate(rng: random.Random, largest: int) -> Numbers:
    a, by, _, _ = _even_shares(rng, largest)
    return a, by, rng.choice([n for n in range(2, 10) if n != by]), 0


def _percentage(rng: random.Random, largest: int) -> Numbers:
    way = rng.choice((2, 4, 10, 10, 100))
    if way == 10:
        return rng.choice((10, 20, 30, 40, 60, 70, 80, 90)), 10 * rng.randint(2, max(9, largest // 10)), 0, 0
    if way == 100:
        return rng.choice([n for n in range(11, 99) if n % 10 and n % 25]), 100 * rng.randint(2, 9), 0, 0
    return (50 if way == 2 else rng.choice((25, 75))), way * rng.randint(3, largest // way), 0, 0


def _product_and_more(rng: random.Random, largest: int) -> Numbers:
    a = rng.randint(3, max(12, largest // 5))
    return a, rng.randint(2, 9), rng.randint(2, largest), 0


def _product_and_less(rng: random.Random, largest: int) -> Numbers:
    a, b, _, _ = _product_and_more(rng, largest)
    return a, b, rng.randint(2, min(a * b - 1, largest)), 0


def _two_products(rng: random.Random, largest: int) -> Numbers:
    a, b, _, _ = _product_and_more(rng, largest)
    c, d, _, _ = _product_and_more(rng, largest)
    return a, b, c, d


_NUMBERS: dict[str, Callable[[random.Random, int], Numbers]] = {
    "a+b": _two,
    "a-b": _two_falling,
    "a+b-c": _plus_then_minus,
    "a-b+c": _minus_then_plus,
    "a*b": lambda rng, largest: (rng.randint(11, largest), rng.randint(2, 9), 0, 0),
    "a/b": _even_shares,
    "a/b*c": _rate,
    "a%b": _percentage,
    "b-a%b": _percentage,
    "b+a%b": _percentage,
    "60*a+b": lambda rng, largest: (rng.randint(2, 3 if largest < 50 else 9), rng.randint(5, 55), 0, 0),
    "7*a+b": lambda rng, largest: (rng.randint(2, 9 + largest // 5), rng.randint(1, 6), 0, 0),
    "12*a+b": lambda rng, _: (rng.randint(2, 9), rng.randint(1, 11), 0, 0),
    "a*b+c": _product_and_more,
    "a*b-c": _product_and_less,
    "a*b+c*d": _two_products,
}
