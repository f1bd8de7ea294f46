"""`lightrouter eval export`."""

from pathlib import Path

from lightrouter_graph.cli.evaluate.progress import Bar
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.export.langsmith import export
from lightrouter_graph.evaluation.results import ResultsFile
from lightrouter_graph.evaluation.runs.run_directory import questions_of


def export_run(folder: Path, dataset: str | None) -> None:
    """Send a run to LangSmith.

    Args:
        folder: Of the run.
        dataset: The data set's name there; None for the folder's.

    Raises:
        EvaluationError: If there is no such run, or no key.
    """
    results = ResultsFile(folder / "results.jsonl").results
    if not results:
        msg = f"{folder} holds no results to send"
        raise EvaluationError(msg)
    name = dataset or folder.resolve().name
    with Bar() as bar:
        bar.begin("sent to LangSmith", len(results))
        sent = 0

        def tell(done: int, _total: int) -> None:
            nonlocal sent
            bar.advance(done - sent)
            sent = done

        print(export(results, questions_of(folder), dataset_name=name, experiment_prefix=name, progress=tell))
