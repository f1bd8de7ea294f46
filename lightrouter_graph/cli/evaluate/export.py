"""`lightrouter eval export`: sends the results of a run to LangSmith."""

from pathlib import Path

from lightrouter_graph.cli.evaluate.progress import Bar
from lightrouter_graph.cli.formatting import safe
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.export.langsmith import export
from lightrouter_graph.evaluation.results import ResultsFile
from lightrouter_graph.evaluation.runs.run_directory import questions_of


def export_run(folder: Path, dataset: str | None) -> None:
    """Send the results of a run to LangSmith.

    Args:
        folder: Run directory.
        dataset: Name of the LangSmith data set; None = name of the directory.

    Raises:
        EvaluationError: If the directory has no results, or LANGSMITH_API_KEY is not set.
    """
    results = ResultsFile(folder / "results.jsonl").results
    if not results:
        msg = f"{folder} has no results to export"
        raise EvaluationError(msg)
    name = dataset or folder.resolve().name
    with Bar() as bar:
        bar.begin("exporting to LangSmith", len(results))
        sent = 0

        def _advance(done: int, _total: int) -> None:
            nonlocal sent
            bar.advance(done - sent)
            sent = done

        sent_to = export(results, questions_of(folder), dataset_name=name, experiment_prefix=name, progress=_advance)
        print(safe(str(sent_to)))
