"""Scores open-ended answers by a judge model that compares them with another text, in both orders."""

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, HumanMessage

from lightrouter_graph import prompts
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.client import complete
from lightrouter_graph.llm.completion import Completion
from lightrouter_graph.llm.output_schema import OutputSchema
from lightrouter_graph.pool import Candidate
from lightrouter_graph.rate_limits import RetryBudget
from lightrouter_graph.selectors.judge_call import Judgement, Verdict, read_judgement

TASK = """\
You compare two answers to one question and say how well each serves the person who asked.

Score each from 0 (wrong or useless) to 10 (right, complete and useful). Ask: is what it says correct? Does it answer
what was asked, all of it and in the form that was asked for? Neither length nor style nor position counts. Give both
the same score only where neither is better."""
"""Task in the judge prompt; the core adds the format of the data and of the reply."""

_TIMEOUT_S = 300.0
_MAX_TOKENS = 1000
_RETRIES = 4
_SCHEMA = OutputSchema("Judgement", Judgement.model_json_schema())


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
        first, second = await asyncio.gather(
            self._prefers_first(question, text, other), self._prefers_first(question, other, text)
        )
        if first is None or second is None:
            return None
        return (first + (1 - second)) / 2

    async def _prefers_first(self, question: Question, first: str, second: str) -> float | None:
        """Return 1 if the first text is better, 0 if it is worse, 0.5 for a tie; None without a valid verdict."""
        verdict = await self._verdict([HumanMessage(question.text)], {"A": first, "B": second})
        if verdict is None:
            return None
        lead = verdict["A"].score - verdict["B"].score
        return 0.5 + 0.5 * (lead > 0) - 0.5 * (lead < 0)

    async def _verdict(self, conversation: Sequence[AnyMessage], texts: Mapping[str, str]) -> Verdict | None:
        prompt = prompts.judge_boots(conversation, texts, task=TASK)
        reply = await self._ask(prompt)
        verdict, problem = _read(reply, texts)
        if verdict is not None or reply.failure is not None:
            return verdict
        repair = prompts.repair_judgement(prompt, reply.text, problem, list(texts))
        return _read(await self._ask(repair), texts)[0]

    async def _ask(self, messages: Sequence[AnyMessage]) -> Completion:
        call = Call(
            stage="select",
            layer=1,
            timeout_s=_TIMEOUT_S,
            max_tokens=_MAX_TOKENS,
            schema=_SCHEMA,
            retries=RetryBudget(_RETRIES),
        )
        return await complete(self._judge, messages, call)


def _read(reply: Completion, texts: Mapping[str, str]) -> tuple[Verdict | None, str]:
    if reply.failure is not None:
        return None, reply.failure["message"]
    if reply.truncated:
        return None, "it was cut off before its end"
    return read_judgement(reply.visible_text, list(texts))
