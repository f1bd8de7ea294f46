import pytest

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.error_injection import error_injection_named


def test_names_have_percent_and_layer() -> None:
    method = error_injection_named("corrupted-25-in-2-of-3")
    assert method is not None
    assert (method.percent, method.layer, method.layers, method.boot_tokens) == (25, 2, 3, 200)
    short = error_injection_named("corrupted-25-in-2-of-3:boot_tokens=16")
    assert short is not None
    assert short.boot_tokens == 16
    assert short.label == "25 % of the boots of layer 2 of 3 wrong"
    assert short.needs == {"live"}


@pytest.mark.parametrize(
    "name", ["corrupted", "corrupted-1000-in-1-of-1", "corrupted-5-in-1", "lightrouter", "corrupted-x-in-1-of-2"]
)
def test_other_names_are_none(name: str) -> None:
    assert error_injection_named(name) is None


@pytest.mark.parametrize("name", ["corrupted-101-in-1-of-1", "corrupted-50-in-3-of-2", "corrupted-50-in-0-of-2"])
def test_what_cannot_be_made_wrong_is_refused(name: str) -> None:
    with pytest.raises(EvaluationError, match="a percentage of 0 to 100 and a layer of 1 to"):
        error_injection_named(name)
