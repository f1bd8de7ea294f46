"""Findings of the predictiveness experiment: one sentence per selector, each length once."""

import pytest
from evaluation.experiments.made import result

from lightrouter_graph.evaluation.experiments.ablations import BOOT_TOKENS
from lightrouter_graph.evaluation.experiments.predictiveness import predictiveness
from lightrouter_graph.evaluation.questions import Output, Question
from lightrouter_graph.evaluation.records import Result, RouteBoot

ANSWERS = {"ada": 20, "bob": 90, "cyd": 140}
SCORES = {"ada": 0.0, "bob": 0.5, "cyd": 1.0}


def question(number: int) -> Question:
    outputs = {name: Output("said", SCORES[name], tokens) for name, tokens in ANSWERS.items()}
    return Question(f"q{number}", "What?", outputs=outputs)


def boot(name: str, length: int) -> RouteBoot:
    tokens = min(length, ANSWERS[name])
    told = {"candidate": name, "text": None, "characters": tokens, "tokens": tokens, "finished": True, "answer": None}
    return told | {"score": SCORES[name], "prior": 1 - SCORES[name], "kept": True, "why": ""}  # type: ignore[return-value]


def ran(method: str, number: int) -> Result:
    length = int(method.split("boot_tokens=")[1].split(",", maxsplit=1)[0]) if "boot_tokens=" in method else 0
    route = {"boots": [boot(name, length) for name in ANSWERS], "selector": "", "agreed": 0, "answered": 1}
    return {**result(method, f"q{number}", 1.0, 10), "route": route | {"stopped": "", "merged": ""}}  # type: ignore[return-value]


def test_each_selector_has_one_sentence_and_lengths_beyond_all_answers_none() -> None:
    experiment = predictiveness()
    asked = [question(number) for number in range(12)]
    found = experiment.find({name: [ran(name, n) for n in range(12)] for name in experiment.methods}, asked)
    *selectors, left_out = found.notes
    assert [note.split(",")[0] for note in selectors] == ["consistency", "hybrid", "random", "prior alone"]
    assert left_out.startswith("Left out: 200, 300, 400 boot tokens, because no boot is longer")
    kept = [length for length in BOOT_TOKENS if length <= 150]
    for note in selectors:
        value = "-1.00 [" if note.startswith("prior") else "+1.00 ["
        assert f"Spearman within question: 16 boot tokens: {value}" in note
        assert [f"; {length}: {value}" in note for length in BOOT_TOKENS[1:]] == [n in kept for n in BOOT_TOKENS[1:]]
        assert note.endswith(" (over the 12 questions where both scores vary).")
    assert {tuple(point["x"] for point in points) for points in found.curves.values()} == {tuple(map(float, kept))}


@pytest.mark.parametrize("methods", [(), ("best-single",)])
def test_methods_without_results_have_no_findings(methods: tuple[str, ...]) -> None:
    found = predictiveness().find({name: [ran(name, 0)] for name in methods}, [question(0)])
    assert found.notes == ()
    assert found.curves == {}
