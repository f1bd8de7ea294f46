"""Progress of an evaluation: interval of the lines, and no output without work."""

from io import StringIO

import pytest
from rich.console import Console

from lightrouter_graph.cli.evaluate.progress import Bar


def bar_on(clock: list[float], *, terminal: bool = False) -> tuple[Bar, StringIO]:
    written = StringIO()
    return Bar(Console(file=written, force_terminal=terminal, width=80), lambda: clock[0]), written


@pytest.mark.parametrize(
    ("step_s", "told"),
    [
        (0.1, [1, 10]),
        (1.0, [1, 3, 5, 7, 9, 10]),
        (2.0, list(range(1, 11))),
    ],
)
def test_lines_are_two_seconds_apart_and_the_last_is_printed(step_s: float, told: list[int]) -> None:
    clock = [0.0]
    bar, written = bar_on(clock)
    with bar:
        bar.begin("work", 40)
        for _ in range(40):
            clock[0] += step_s / 4
            bar.advance(1)
    assert written.getvalue().splitlines() == [f"work: {4 * tenth} of 40" for tenth in told]


@pytest.mark.parametrize("terminal", [True, False])
def test_work_of_no_steps_has_no_bar_and_no_line(terminal: bool) -> None:
    bar, written = bar_on([0.0], terminal=terminal)
    with bar:
        bar.begin("nothing", 0)
        bar.advance(0)
    assert "nothing" not in written.getvalue()
    assert "0/0" not in written.getvalue()


def test_a_terminal_has_a_bar_and_no_lines() -> None:
    bar, written = bar_on([0.0], terminal=True)
    with bar:
        bar.begin("work", 4)
        bar.advance(4)
    assert "4/4" in written.getvalue()
    assert "4 of 4" not in written.getvalue()
