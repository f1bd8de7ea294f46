from .datasets.registry import load
from .methods.base import Fitted, Method, Need, Reply, Setting
from .methods.registry import named
from .questions import DataSet, Output, Question
from .records import Result, RunFacts, Summary
from .replay_runner import Models, Replay
from .report import markdown_table, table, write_report
from .scoring import Scorer, scorer_for
from .stats.compare import compare
from .stats.summary import summarise

__all__ = [
    "DataSet",
    "Fitted",
    "Method",
    "Models",
    "Need",
    "Output",
    "Question",
    "Replay",
    "Reply",
    "Result",
    "RunFacts",
    "Scorer",
    "Setting",
    "Summary",
    "compare",
    "load",
    "markdown_table",
    "named",
    "scorer_for",
    "summarise",
    "table",
    "write_report",
]
