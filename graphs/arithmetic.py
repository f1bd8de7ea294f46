"""Finds arithmetic expressions in text and evaluates them exactly, without `eval`."""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from fractions import Fraction

_OPERATORS: Mapping[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_MAX_CHARS = 200
_CANDIDATE = re.compile(r"[-(\d.][-+*/().\d\s]*[)\d]")


def find_expression(text: str) -> str | None:
    """Return the first arithmetic expression in a text; None if there is none.

    Args:
        text: A message; a single number in it is no expression.
    """
    plain = text.replace("\N{MULTIPLICATION SIGN}", "*").replace("\N{DIVISION SIGN}", "/")
    return next((match[0] for match in _CANDIDATE.finditer(plain) if _is_arithmetic(match[0])), None)


def evaluate(expression: str) -> Fraction:
    """Evaluate an expression of numbers, + - * / and parentheses. Without powers, its length bounds the work.

    Args:
        expression: At most 200 characters.

    Raises:
        ValueError: If the expression is too long or contains anything else.
        ZeroDivisionError: If it divides by zero.
    """
    if len(expression) > _MAX_CHARS:
        msg = f"the expression is longer than {_MAX_CHARS} characters"
        raise ValueError(msg)
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except SyntaxError as exc:
        msg = f"{expression!r} is no arithmetic expression"
        raise ValueError(msg) from exc
    return _value(tree.body)


def show(value: Fraction) -> str:
    """Format a result: a whole number with all digits, any other number as a decimal.

    Args:
        value: Exact value of an expression.
    """
    return str(value.numerator) if value.denominator == 1 else str(float(value))


def _value(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return Fraction(str(number))  # as written: 0.1 is a tenth
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left), _value(right))
    msg = "only numbers, + - * / and parentheses are supported"
    raise ValueError(msg)


def _is_arithmetic(expression: str) -> bool:
    try:
        evaluate(expression)
    except ZeroDivisionError:
        return True
    except ValueError:
        return False
    return any(sign in expression.lstrip("-") for sign in "+-*/")
