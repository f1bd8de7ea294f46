from .datasets.catalogue import load
from .figures.compare import compare
from .figures.summary import summarise
from .methods.base import Fitted, Method, Need, Reply, Setting
from .methods.named import named
from .questions import DataSet, Output, Question
from .records import Result, RunFacts, Summary
from .replay import Models, Replay
from .report import markdown_table, table, write_report
from .scoring import Scorer, scorer_for

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
