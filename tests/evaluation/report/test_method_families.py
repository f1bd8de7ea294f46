import pytest

from lightrouter_graph.evaluation.report.method_families import kind_of


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("lightrouter", "lightrouter"),
        ("lightrouter-paper", "lightrouter"),
        ("lightrouter-oracle", "bound"),
        ("oracle", "bound"),
        ("oracle-3", "bound"),
        ("single:oracle-7b", "single"),
        ("best-single", "single"),
        ("first", "single"),
        ("majority", "rival"),
        ("moa-2", "rival"),
        ("self_moa", "rival"),
    ],
)
def test_the_family_of_a_method_is_read_from_its_name(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_a_candidate_is_single_with_any_name() -> None:
    assert kind_of("oracle-x", ["oracle-x"]) == "single"
    assert kind_of("lightrouter-7b", ["lightrouter-7b"]) == "single"
