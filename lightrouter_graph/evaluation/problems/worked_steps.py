"""Written-out steps of the four arithmetic operations, column by column.

Every step reads only what is already in the text: two digits and a carry. This is why a very small language model
can learn them.
"""

COLUMNS = ("ones", "tens", "hundreds")


def add(a: int, b: int) -> str:
    """``47 + 38: ones 7 + 8 = 15, tens 4 + 3 + 1 = 8, so 85``."""
    steps, carry = [], 0
    for column, top, bottom in _columns(a, b):
        total = top + bottom + carry
        steps.append(f"{column} {top} + {bottom}{' + 1' * carry} = {total}")
        carry = total // 10
    return _sum_up(f"{a} + {b}", steps, a + b)


def subtract(a: int, b: int) -> str:
    """``85 - 29: ones 15 - 9 = 6, tens 8 - 2 - 1 = 5, so 56``, for a >= b >= 0."""
    steps, borrow = [], 0
    for column, top, bottom in _columns(a, b):
        lent = 10 if top - bottom - borrow < 0 else 0
        steps.append(f"{column} {top + lent} - {bottom}{' - 1' * borrow} = {top + lent - bottom - borrow}")
        borrow = lent // 10
    return _sum_up(f"{a} - {b}", steps, a - b)


def multiply(a: int, digit: int) -> str:
    """``23 x 4: ones 3 x 4 = 12, tens 2 x 4 = 8, 8 + 1 = 9, so 92``, for one-digit `digit`."""
    if a < 10:
        return f"{a} x {digit} = {a * digit}"
    steps, carry = [], 0
    for column, top, _ in _columns(a, 0):
        product = top * digit
        carried = f", {product} + {carry} = {product + carry}" if carry else ""
        steps.append(f"{column} {top} x {digit} = {product}{carried}")
        carry = (product + carry) // 10
    return _sum_up(f"{a} x {digit}", steps, a * digit)


def divide(a: int, by: int) -> str:
    """``96 / 4: tens 9 / 4 = 2 rest 1, ones 16 / 4 = 4, so 24``, for `by` that divides `a`."""
    if a < 10 * by or by % 10 == 0:
        return f"{a} / {by} = {a // by}"
    parts = list(_columns(a, 0))[::-1]
    if parts[0][1] < by:  # the first digit alone is too small: the first two together
        parts[:2] = [(parts[1][0], a // 10 ** (len(parts) - 2), 0)]
    steps, rest = [], 0
    for column, top, _ in parts:
        quotient, left = divmod(10 * rest + top, by)
        steps.append(f"{column} {10 * rest + top} / {by} = {quotient}{'' if column == 'ones' else f' rest {left}'}")
        rest = left
    return _sum_up(f"{a} / {by}", steps, a // by)


def percent_of(percent: int, whole: int) -> tuple[int, list[str]]:
    """Return a percentage and its steps: a half, quarters, tenths or hundredths of a `whole` that divides evenly."""
    if percent in {25, 50, 75}:
        size, count = (2, 1) if percent == 50 else (4, percent // 25)
    elif percent % 10 == 0:
        size, count = 10, percent // 10
    else:
        size, count = 100, percent
    one = whole // size
    times = [multiply(max(one, count), min(one, count))] if count > 1 else []
    return one * count, [divide(whole, size), *times]


def write_solution(steps: list[str], answer: int) -> str:
    """Return the steps and the answer as one text."""
    return f"{'. Then '.join(steps)}. The answer is {answer}."


def _columns(a: int, b: int) -> list[tuple[str, int, int]]:
    """Return the digits of both numbers by column, ones first; the last column has all remaining digits."""
    last = min(len(str(max(a, b))), len(COLUMNS)) - 1
    digits = [(name, a // 10**i % 10, b // 10**i % 10) for i, name in enumerate(COLUMNS[:last])]
    return [*digits, (COLUMNS[last], a // 10**last, b // 10**last)]


def _sum_up(task: str, steps: list[str], result: int) -> str:
    return f"{task}: {', '.join(steps)}, so {result}"
