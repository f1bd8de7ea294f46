"""Scores open-ended answers by a judge model that compares them with another text, in both orders."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage

from lightrouter_graph.context import Context, Prompts
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.standalone_query import standalone_query
from lightrouter_graph.pool import Candidate
from lightrouter_graph.selectors.judge_call import ask_judge

TASK = """\
You compare two answers to one question and say how well each serves the person who asked.

Score each from 0 (wrong or useless) to 10 (right, complete and useful). Ask: is what it says correct? Does it answer
what was asked, all of it and in the form that was asked for? Neither length nor style nor position counts. Give both
the same score only where neither is better."""
"""Task in the judge prompt; the core adds the format of the data and of the reply."""

_TIMEOUT_S = 300.0


class JudgeScorer:
    """1 if a judge model prefers the answer to another text, 0 if it prefers the other, 0.5 for a tie.

    The other text is the baseline of the question, else its reference. The prompt does not name which is which; both
    are JSON data, so that an instruction in an answer stays text. The judge is called twice, with each text in first
    position once, and the two results are averaged: a judge that prefers a position scores 0.5. An invalid reply is
    repaired once.

    Args:
        judge: The judge: a chat model, a spec string or a `Candidate`.
        baseline: Text to compare with, by question id.

    Source: Zheng et al., arXiv 2306.05685, pairwise comparison in both orders. Deviation: scores instead of a choice,
    in the reply format of `LLMSelector`.
    """

    def __init__(
        self, judge: Candidate | BaseChatModel | str, *, baseline: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._judge = judge if isinstance(judge, Candidate) else Candidate("judge", judge)
        self._baseline = dict(baseline)

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer; None without a text to compare with, or without a valid verdict in both orders."""
        other = self._baseline.get(question.id, question.reference)
        if other is None:
            return None
        if text.strip() == other.strip():
            return 0.5
        orders = ((text, other), (other, text))
        first, second = await asyncio.gather(*(self._prefers_first(question, *order) for order in orders))
        if first is None or second is None:
            return None
        return (first + (1 - second)) / 2

    async def _prefers_first(self, question: Question, first: str, second: str) -> float | None:
        """Return 1 if the first text is better, 0 if it is worse, 0.5 for a tie; None without a valid verdict."""
        settings = Context(prompts=Prompts(selector=TASK))
        asked = [HumanMessage(question.text)]
        query = standalone_query(self._judge, asked, stage="select", settings=settings, timeout_s=_TIMEOUT_S)
        verdict, _ = await ask_judge(self._judge, query, {"A": first, "B": second})
        if verdict is None:
            return None
        lead = verdict["A"].score - verdict["B"].score
        return 0.5 + 0.5 * (lead > 0) - 0.5 * (lead < 0)
