"""Any number of grade-school problems with known answers, by kind and difficulty.

The pocket models were trained on problems of the same making, but never on these: a hash of a problem's numbers
decides to which side it belongs, and `draw_problems` draws from the other side only.
"""

import random
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from lightrouter_graph.evaluation.problems.phrasings import HELD_OUT, NAMES, SEEN, THINGS
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
"""What is done with the numbers in each kind; the wordings are filed under it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One word problem; `solution` is one right way to write the steps and ends in the answer."""

    kind: Kind
    difficulty: Difficulty
    question: str
    solution: str
    answer: int
    held_out_phrasing: bool


Numbers = tuple[int, int, int, int]
Work = tuple[int, list[str]]


def draw_problems(
    count: int,
    *,
    kinds: Sequence[Kind] = KINDS,
    difficulty: Difficulty | None = None,
    wording: Wording = "seen",
    seed: int = 0,
) -> list[Problem]:
    """Draw problems the pocket models were not trained on.

    Args:
        count: How many, taking the kinds in turn.
        kinds: The kinds to draw from.
        difficulty: 1 to 3, the size of the numbers; None mixes them.
        wording: Phrasings that training used, those held out of it, or both.
        seed: Equal seeds draw equal problems.

    Returns:
        Problems none of which is of the training split; different ones, as long as a kind has them.
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


def training_problems(seed: int, weights: dict[Kind, float]) -> Iterator[Problem]:
    """Endless problems of the training split alone; for `examples/train_pocket`, not for measuring."""
    rng = random.Random(seed)
    kinds, shares = list(weights), list(weights.values())
    while True:
        kind = rng.choices(kinds, shares)[0]
        yield _draw(rng, kind, None, "seen", training=True)


def in_training_split(kind: Kind, form: str, numbers: Numbers) -> bool:
    """Whether these numbers may be trained on; names and things do not matter, so a renamed problem cannot leak."""
    return zlib.crc32(f"{kind} {form} {numbers}".encode()) % _HELD_OUT_ONE_IN != 0


def _draw(
    rng: random.Random, kind: Kind, difficulty: Difficulty | None, wording: Wording, *, training: bool
) -> Problem:
    level = rng.choice(_LEVELS) if difficulty is None else difficulty
    form = rng.choice(FORMS[kind])
    held_out = wording == "held out" or (wording == "all" and rng.random() < 0.5)
    draw_numbers, work = _WORK[form]
    while True:
        numbers = draw_numbers(rng, _LARGEST[level])
        if in_training_split(kind, form, numbers) == training:
            break
    answer, steps = work(*numbers)
    return Problem(
        kind=kind,
        difficulty=level,
        question=_word(rng, rng.choice((HELD_OUT if held_out else SEEN)[form]), numbers),
        solution=write_solution(steps, answer),
        answer=answer,
        held_out_phrasing=held_out,
    )


def _word(rng: random.Random, phrasing: str, numbers: Numbers) -> str:
    name, other = rng.sample(NAMES, 2)
    things, items = rng.sample(THINGS, 2)
    a, b, c, d = numbers
    said = _say(rng, phrasing)
    return said.format(name=name, other=other, things=things, items=items, a=a, b=b, c=c, d=d)


def _say(rng: random.Random, phrasing: str) -> str:
    """Decide the choices of a phrasing; those between equally many words are decided alike (box, boxes)."""
    places: dict[int, int] = {}

    def choose(found: re.Match[str]) -> str:
        ways = found[1].split("|")
        if len(ways) == 1:
            return rng.choice((ways[0], ""))
        return ways[places.setdefault(len(ways), rng.randrange(len(ways)))]

    return _CHOICE.sub(choose, phrasing)


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


def _factors(rng: random.Random, largest: int) -> Numbers:
    return rng.randint(11, largest), rng.randint(2, 9), 0, 0


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


def _hours(rng: random.Random, largest: int) -> Numbers:
    return rng.randint(2, 3 if largest < 50 else 9), rng.randint(5, 55), 0, 0


def _weeks(rng: random.Random, largest: int) -> Numbers:
    return rng.randint(2, 9 + largest // 5), rng.randint(1, 6), 0, 0


def _dozens(rng: random.Random, _: int) -> Numbers:
    return rng.randint(2, 9), rng.randint(1, 11), 0, 0


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


def _then(first: Work, operation: Callable[[int, int], str], value: int, answer: int) -> Work:
    return answer, [*first[1], operation(first[0], value)]


def _multiplied(a: int, b: int) -> Work:
    return a * b, [multiply(a, b)]


def _after_percent(percent: int, whole: int, sign: int) -> Work:
    part, steps = percent_of(percent, whole)
    return whole + sign * part, [*steps, (add if sign > 0 else subtract)(whole, part)]


def _sum_of_products(a: int, b: int, c: int, d: int) -> Work:
    return a * b + c * d, [multiply(a, b), multiply(c, d), add(a * b, c * d)]


def _in_smaller_units(size: int) -> Callable[[int, int, int, int], Work]:
    def work(count: int, rest: int, *_: int) -> Work:
        # The larger factor first, as everywhere: the digit multiplies.
        whole = multiply(max(count, size), min(count, size))
        return _then((count * size, [whole]), add, rest, count * size + rest)

    return work


_WORK: dict[str, tuple[Callable[[random.Random, int], Numbers], Callable[[int, int, int, int], Work]]] = {
    "a+b": (_two, lambda a, b, *_: (a + b, [add(a, b)])),
    "a-b": (_two_falling, lambda a, b, *_: (a - b, [subtract(a, b)])),
    "a+b-c": (_plus_then_minus, lambda a, b, c, _: _then((a + b, [add(a, b)]), subtract, c, a + b - c)),
    "a-b+c": (_minus_then_plus, lambda a, b, c, _: _then((a - b, [subtract(a, b)]), add, c, a - b + c)),
    "a*b": (_factors, lambda a, b, *_: _multiplied(a, b)),
    "a/b": (_even_shares, lambda a, b, *_: (a // b, [divide(a, b)])),
    "a/b*c": (
        _rate,
        lambda a, b, c, _: (a // b * c, [divide(a, b), multiply(max(a // b, c), min(a // b, c))]),
    ),
    "a%b": (_percentage, lambda a, b, *_: percent_of(a, b)),
    "b-a%b": (_percentage, lambda a, b, *_: _after_percent(a, b, -1)),
    "b+a%b": (_percentage, lambda a, b, *_: _after_percent(a, b, 1)),
    "60*a+b": (_hours, _in_smaller_units(60)),
    "7*a+b": (_weeks, _in_smaller_units(7)),
    "12*a+b": (_dozens, _in_smaller_units(12)),
    "a*b+c": (_product_and_more, lambda a, b, c, _: _then(_multiplied(a, b), add, c, a * b + c)),
    "a*b-c": (_product_and_less, lambda a, b, c, _: _then(_multiplied(a, b), subtract, c, a * b - c)),
    "a*b+c*d": (_two_products, _sum_of_products),
}
