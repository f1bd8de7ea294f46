"""Open-ended answers, compared with another text by a model, in both orders."""

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
"""What the judge is told; how to read the data and to reply is said besides."""

_TIMEOUT_S = 300.0
_LONGEST_REPLY = 1000
_RETRIES = 4
_SCHEMA = OutputSchema("Judgement", Judgement.model_json_schema())
_ANSWER, _OTHER = "A", "B"


class JudgeScorer:
    """How an answer does against another text in a judge's eyes: 1 where it is better, 0 where it is worse.

    The other text is the baseline of the question where there is one, else its reference. The judge is not told which
    is which; both come as JSON data, so that an instruction in an answer stays text. It is asked twice, each text
    being shown first once and called A once; the two verdicts are averaged, so one that flips is a tie, 0.5. A reply
    that does not fit is repaired once.

    Args:
        judge: Who judges: a chat model, a spec string or a `Candidate`.
        baseline: Text by question id.

    Source: Zheng et al., arXiv 2306.05685, pairwise comparison in both orders. Deviation: scores instead of a choice,
    since the judge's replies are read as those of the package's own judge are.
    """

    def __init__(
        self, judge: Candidate | BaseChatModel | str, *, baseline: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._judge = judge if isinstance(judge, Candidate) else Candidate("judge", judge)
        self._baseline = dict(baseline)

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer; None without another text, or where the judge gives no usable verdict in both orders."""
        other = self._baseline.get(question.id, question.reference)
        if other is None:
            return None
        if text.strip() == other.strip():
            return 0.5
        first, second = await asyncio.gather(
            self._leads(question, {_ANSWER: text, _OTHER: other}), self._leads(question, {_ANSWER: other, _OTHER: text})
        )
        if first is None or second is None:
            return None
        return (first + (1 - second)) / 2

    async def _leads(self, question: Question, shown: Mapping[str, str]) -> float | None:
        """Whether the text shown first is the better one: 1, 0, or 0.5 for neither; None without a verdict."""
        verdict = await self._verdict([HumanMessage(question.text)], shown)
        if verdict is None:
            return None
        lead = verdict[_ANSWER].score - verdict[_OTHER].score
        return 0.5 + 0.5 * (lead > 0) - 0.5 * (lead < 0)

    async def _verdict(self, conversation: Sequence[AnyMessage], shown: Mapping[str, str]) -> Verdict | None:
        asked = prompts.judge_boots(conversation, shown, task=TASK)
        first = await self._ask(asked)
        verdict, problem = _read(first, shown)
        if verdict is not None or first.failure is not None:
            return verdict
        again = prompts.repair_judgement(asked, first.text, problem, list(shown))
        return _read(await self._ask(again), shown)[0]

    async def _ask(self, messages: Sequence[AnyMessage]) -> Completion:
        call = Call(
            stage="select",
            layer=1,
            timeout_s=_TIMEOUT_S,
            max_tokens=_LONGEST_REPLY,
            schema=_SCHEMA,
            retries=RetryBudget(_RETRIES),
        )
        return await complete(self._judge, messages, call)


def _read(reply: Completion, shown: Mapping[str, str]) -> tuple[Verdict | None, str]:
    if reply.failure is not None:
        return None, reply.failure["message"]
    if reply.truncated:
        return None, "it was cut off before its end"
    return read_judgement(reply.visible_text, list(shown))
