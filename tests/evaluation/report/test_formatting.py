import pytest

from lightrouter_graph.evaluation.report.formatting import number, percent, points, short, two_percentiles


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (1234.4, "1,234"), (12.34, "12.3"), (1.2, "1.20"), (0.0987, "0.0987"), (0.9, "0.900"), (-0.5, "-0.500")],
)
def test_a_number_of_any_size_has_three_digits(value: float, written: str) -> None:
    assert short(value) == written


def test_shares_are_written_in_percent_and_differences_with_their_signs() -> None:
    assert percent({"value": 0.712, "low": 0.679, "high": 0.744}) == "71.2 [67.9, 74.4]"
    assert points({"value": 0.021, "low": -0.003, "high": 0.046}) == "+2.1 [-0.3, +4.6]"


def test_nothing_is_a_minus_zero() -> None:
    assert points({"value": -0.0001, "low": -0.02, "high": 0.02}) == "+0.0 [-2.0, +2.0]"


def test_what_is_not_known_is_a_dash() -> None:
    assert percent(None) == number(None) == two_percentiles(None, None) == "-"
    assert two_percentiles({"value": 2.0, "low": 1, "high": 3}, None) == "2.00 / -"
