import pytest

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.base import Need
from lightrouter_graph.evaluation.methods.error_injection import ErrorInjection
from lightrouter_graph.evaluation.methods.lightrouter import LightRouter
from lightrouter_graph.evaluation.methods.registry import BASELINES, baseline_named, named, usual_baselines

NAMES = [
    "single:x", "single:org/model-7", "first", "best-single", "random-3", "top-2", "majority", "weighted-vote",
    "moa-1", "moa-2", "self-moa", "self-moa-4", "cascade", "cascade-50", "router-50", "oracle-3", "oracle",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_method_has_the_name_it_is_found_by(name: str) -> None:
    method = baseline_named(name)
    assert method.name == name
    assert method.label


def test_every_baseline_of_the_catalogue_can_be_asked_for() -> None:
    for shape in BASELINES:
        name = shape.replace("NAME", "x").replace("-N", "-7")
        assert baseline_named(name).name == name


@pytest.mark.parametrize(
    ("name", "meant"),
    [("majorty", "majority"), ("topp-3", "top-N"), ("oracel", "oracle"), ("lightruoter-32", "lightrouter-32")],
)
def test_an_unknown_name_raises_an_error_with_the_known_names(name: str, meant: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        named(name)
    assert repr(name) in str(caught.value)
    assert f"did you mean {meant!r}" in str(caught.value)
    assert all(shape in str(caught.value) for shape in BASELINES)


@pytest.mark.parametrize("name", ["top-0", "random-0", "moa-0", "self-moa-0", "cascade-0", "router-101", "oracle-0"])
def test_a_number_out_of_range_is_refused_with_the_range(name: str) -> None:
    with pytest.raises(EvaluationError, match=rf"'{name}'.*(>= 1|0 to 100)"):
        baseline_named(name)


@pytest.mark.parametrize("name", ["single:", "top-", "moa-two", ""])
def test_a_name_without_its_argument_is_unknown(name: str) -> None:
    with pytest.raises(EvaluationError, match="unknown method"):
        baseline_named(name)


def test_the_usual_table_holds_what_can_be_run() -> None:
    everything = _names("history", "samples", "writer")
    assert everything[:5] == [f"single:{name}" for name in "abcde"]
    assert {"best-single", "random-3", "oracle-3", "oracle", "majority", "moa-2", "self-moa", "router-50"} < {
        *everything
    }
    assert "self-moa" not in _names("history", "writer")
    assert not {"best-single", "cascade", "router-50", "top-3"} & {*_names("samples", "writer")}
    assert not {"moa-1", "moa-2", "self-moa"} & {*_names("history", "samples")}


def test_a_small_pool_has_no_rows_that_repeat_others() -> None:
    few = usual_baselines("abc", frozenset({"history"}))
    assert not {"random-3", "top-3", "oracle-3"} & {method.name for method in few}
    alone = usual_baselines("a", frozenset({"history", "samples", "writer"}))
    assert [method.name for method in alone] == ["single:a", "moa-1", "moa-2", "self-moa"]


def _names(*offered: Need) -> list[str]:
    return [method.name for method in usual_baselines("abcde", frozenset(offered))]


def test_changes_apply_to_settings_that_the_name_does_not_have() -> None:
    changed = named("lightrouter:boot_tokens=64", "boot_tokens=16,top_k=3")
    assert (changed.name, changed.label) == ("lightrouter:boot_tokens=64", named("lightrouter:boot_tokens=64").label)
    assert isinstance(changed, LightRouter)
    assert (changed.context.boot_tokens, changed.context.top_k) == (64, 3)
    injected = named("corrupted-50-in-1-of-3", "boot_tokens=16,top_k=3")
    assert isinstance(injected, ErrorInjection)
    assert injected.boot_tokens == 16
    assert named("majority", "boot_tokens=16") == named("majority")
