r"""External evaluators with LightRouter: `inspect-ai` and `lm-eval` need only the address of the server.

    pip install inspect-ai lm-eval
    python examples/outside_evaluators.py

While `lightrouter serve` runs, `inspect-ai` (inspect.aisi.org.uk) reads its address from two variables. Their first
word is the second part of the model name; the third part is `lightrouter`, `lightrouter-paper` or a candidate's name.

    LIGHTROUTER_BASE_URL=http://localhost:8000/v1 LIGHTROUTER_API_KEY=unused \
        inspect eval task.py --model openai-api/lightrouter/lightrouter

`lm-eval` (github.com/EleutherAI/lm-evaluation-harness) takes the full address; it reads a key from OPENAI_API_KEY:

    lm-eval run --tasks gsm8k --model local-chat-completions --apply_chat_template \
        --model_args model=lightrouter,base_url=http://localhost:8000/v1/chat/completions,num_concurrent=8

This example serves the pocket models on a free port of 127.0.0.1, evaluates the router and its best single model with
both evaluators on the same generated word problems, and prints the reported scores. It needs no key and no hub, and
deletes the output folder at the end. Then it compares the number of answers that the evaluators counted with the number
that the server sent. Before a larger run:

* Tasks of `lm-eval` that compare likelihoods of given answers do not work with chat models: use generative tasks
  (`output_type: generate_until`).
* `lm-eval` truncates answers at 256 tokens and at the first empty line unless the task sets `max_gen_toks` and `until`;
  both limits are sent to every candidate. `inspect-ai` truncates nothing by default.
* Log-probabilities, several choices (`num_choices`) and sampling by `repetition_penalty` or `top_k` are refused with an
  error that names the field.
* `openai/lightrouter` as the model of `inspect-ai` uses the Responses API unless `-M responses_api=false` is given.
* One question takes several model calls: `lightrouter serve --budget usd=0.02` limits each.
* Twenty questions, as here, test the connection, not the models; `lightrouter eval` measures accuracy.
"""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import uvicorn
from prometheus_client.parser import text_string_to_metric_families

from lightrouter_graph import Pool
from lightrouter_graph.evaluation.problems import draw_problems
from lightrouter_graph.server import create_app, listen

MODELS = ("lightrouter", "general")
FOLDERS = ("HF_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")


@dataclass(frozen=True)
class Report:
    """Result of an evaluator for one model: accuracy, 0 to 1, and the number of answers."""

    accuracy: float
    answers: int


def main(count: int = 20) -> None:
    """Evaluate the router and its best single model with both evaluators, and compare the counts with the server's."""
    with own_folder() as folder, serve(Pool.pocket()) as url:
        questions = write_questions(folder / "word_problems.jsonl", count)
        print(f"{f'{count} questions':<16}  inspect-ai     lm-eval")
        reports: list[Report] = []
        for model in MODELS:
            row = ask_with_inspect(model, url, questions), ask_with_lm_eval(model, url, questions)
            print(f"{model:<16}" + "".join(f"{report.accuracy:>12.0%}" for report in row), flush=True)
            reports += row
        counted, sent = sum(report.answers for report in reports), answers_sent(url)
    print(f"answers: {counted} counted by the evaluators, {sent} given by the server")
    if counted != sent:
        raise SystemExit(1)


def write_questions(file: Path, count: int) -> Path:
    """Write questions with known answers in the format of both evaluators: one JSON object per line."""
    drawn = draw_problems(count)
    file.write_text("".join(json.dumps({"question": p.question, "answer": str(p.answer)}) + "\n" for p in drawn))
    return file


def ask_with_inspect(model: str, url: str, questions: Path) -> Report:
    """Run a task of `inspect-ai`: the last number of an answer must be the right one."""
    import inspect_ai  # noqa: PLC0415 - reads its output folder at import

    fields = inspect_ai.dataset.FieldSpec(input="question", target="answer")
    task = inspect_ai.Task(
        dataset=inspect_ai.dataset.json_dataset(str(questions), fields),
        scorer=inspect_ai.scorer.match(location="end", numeric=True),
    )
    served = inspect_ai.model.get_model(f"openai-api/lightrouter/{model}", base_url=url, api_key="unused")
    [log] = inspect_ai.eval(task, model=served, log_dir=str(questions.parent / "logs"), display="none")
    if log.status != "success" or log.results is None:
        msg = f"inspect-ai ended with {log.status}: {log.error.message if log.error else 'unknown reason'}"
        raise SystemExit(msg)
    answered = [sample for sample in log.samples or [] if sample.output.completion]
    return Report(log.results.scores[0].metrics["accuracy"].value, len(answered))


def ask_with_lm_eval(model: str, url: str, questions: Path) -> Report:
    """Run a task of `lm-eval`; as a file `word_problems.yaml` it would be `--tasks word_problems --include_path .`."""
    import lm_eval.tasks  # noqa: PLC0415 - the same

    last_number = [{"function": "regex", "regex_pattern": r"(-?\d+)", "group_select": -1}, {"function": "take_first"}]
    task: dict[str, Any] = {
        "task": "word_problems",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(questions)}},
        "test_split": "test",
        "doc_to_text": "{{question}}",
        "doc_to_target": "{{answer}}",
        "generation_kwargs": {"until": [], "max_gen_toks": 200},
        "filter_list": [{"name": "last number", "filter": last_number}],
        "metric_list": [{"metric": "exact_match"}],
    }
    result = lm_eval.simple_evaluate(
        model="local-chat-completions",
        model_args={"model": model, "base_url": f"{url}/chat/completions", "num_concurrent": 8},
        tasks=[task],
        task_manager=lm_eval.tasks.TaskManager(include_defaults=False),
        apply_chat_template=True,
        bootstrap_iters=0,
    )
    answered = [sample for sample in result["samples"]["word_problems"] if sample["resps"][0][0]]
    return Report(float(result["results"]["word_problems"]["exact_match,last number"]), len(answered))


def answers_sent(url: str) -> int:
    """Return the number of answered requests from the metrics of the server."""
    metrics = httpx.get(url.removesuffix("/v1") + "/metrics", trust_env=False).text
    samples = [sample for family in text_string_to_metric_families(metrics) for sample in family.samples]
    requests = [sample for sample in samples if sample.name == "lightrouter_requests_total"]
    return int(sum(sample.value for sample in requests if sample.labels["status"] == "200"))


@contextmanager
def own_folder() -> Iterator[Path]:
    """Set a temporary folder for the evaluators and their libraries, and disable hub access."""
    with TemporaryDirectory(prefix="evaluators-") as folder:
        os.environ |= dict.fromkeys(FOLDERS, folder) | {"HF_HUB_OFFLINE": "1"}
        yield Path(folder)


@contextmanager
def serve(pool: Pool) -> Iterator[str]:
    """Serve a pool on a free port, as `lightrouter serve` does."""
    listening = listen("127.0.0.1", 0)  # requests wait here until the server is up
    server = uvicorn.Server(uvicorn.Config(create_app(pool), lifespan="off", ws="none", log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    main()
