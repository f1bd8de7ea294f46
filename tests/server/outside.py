"""Run both external evaluators against scripted models in a separate process, and record their connections.

    python tests/server/outside.py examples/outside_evaluators.py

Prints one JSON object. In a process of its own because the evaluators decide at import where they write, and bring
warnings and event loops that are no concern of the suite.
"""

import contextlib
import importlib.util
import io
import json
import sys
from pathlib import Path
from typing import Any

from langchain_core.messages import BaseMessage

from lightrouter_graph import Candidate, Pool
from lightrouter_graph.evaluation.problems import draw_problems
from lightrouter_graph.testing import ScriptedChatModel

RIGHT = {"oak": "101010", "elm": "110011", "fir": "111000"}
"""Correct answers by model and question: two or three models on four questions; two equal errors on the last."""

_ABROAD: list[str] = []


def main(example: str) -> None:
    sys.addaudithook(_stay_at_home)
    module = _load(example)
    told: dict[str, Any] = {"scripted": _scripted(module), "refused": _refused(module), "pocket": _pocket(module)}
    sys.stdout.write(json.dumps(told | {"abroad": _ABROAD}))


def _scripted(module: Any) -> dict[str, Any]:
    with module.own_folder() as folder, module.serve(_pool()) as url:
        questions = module.write_questions(folder / "word_problems.jsonl", len(RIGHT["oak"]))
        rows = {model: _scores(module, model, url, questions) for model in ("lightrouter", "oak")}
        return {"rows": rows, "given": module.answers_given(url)}


def _scores(module: Any, model: str, url: str, questions: Path) -> list[tuple[float, int]]:
    reports = module.ask_with_inspect(model, url, questions), module.ask_with_lm_eval(model, url, questions)
    return [(report.accuracy, report.answers) for report in reports]


def _refused(module: Any) -> dict[str, str]:
    """Send the unsupported requests of the page and return the error messages of `inspect-ai`."""
    import inspect_ai  # noqa: PLC0415 - as in the example

    with module.own_folder() as folder, module.serve(_pool()) as url:

        def refusal(model: str, **asked: Any) -> str:
            served = inspect_ai.model.get_model(model, base_url=url, api_key="unused", memoize=False)
            task = inspect_ai.Task(dataset=[inspect_ai.dataset.Sample("?")])
            [log] = inspect_ai.eval(task, served, log_dir=str(folder), display="none", **asked)
            return log.error.message

        return {
            "n": refusal("openai-api/lightrouter/oak", num_choices=2),
            "logprobs": refusal("openai-api/lightrouter/oak", logprobs=True),
            "responses": refusal("openai/oak"),
        }


def _pocket(module: Any) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        module.main(6)
    return out.getvalue()


def _pool() -> Pool:
    problems = {p.question: p for p in draw_problems(len(RIGHT["oak"]))}
    order = list(problems)

    def script(marks: str) -> Any:
        def say(messages: list[BaseMessage]) -> str:
            problem = problems.get(messages[-1].text)
            return (
                ""
                if problem is None
                else f"The answer is {problem.answer + (marks[order.index(problem.question)] == '0')}."
            )

        return say

    return Pool([Candidate(name, ScriptedChatModel(responses=script(marks))) for name, marks in RIGHT.items()])


def _load(example: str) -> Any:
    spec = importlib.util.spec_from_file_location("outside_evaluators", example)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _stay_at_home(event: str, args: tuple[Any, ...]) -> None:
    """Block and record connections to other hosts: a library might hide the error."""
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    else:
        return
    if host not in (None, "127.0.0.1", "::1", "localhost"):
        _ABROAD.append(str(host))
        msg = f"not from here: {host}"
        raise ConnectionRefusedError(msg)


if __name__ == "__main__":
    main(sys.argv[1])
