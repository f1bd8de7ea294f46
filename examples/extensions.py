"""Five parts of your own, each in at most 20 lines: two selectors, an aggregator, a prior and a stop rule.

    python examples/extensions.py

A part is any object with the method of its protocol. `Query.ask` calls a model on its behalf: the call is billed,
retried, within the budget, and hidden from the token stream. The example runs one question with each part and prints
the answer, the ranking, and the number of model calls on the bill.

No key is needed: the models are scripted. Put your own into POOL.
"""

import asyncio
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.store.memory import InMemoryStore

from lightrouter_graph import (
    Answer,
    Boot,
    Candidate,
    Context,
    Decision,
    LayerStatus,
    Merged,
    Pool,
    Query,
    Scores,
    VoteAggregator,
    create_lightrouter,
    decision_of,
)
from lightrouter_graph.testing import ScriptedChatModel


class ModelSelector:
    """Selector: a model names the best boot."""

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Score the named boot 1 and the others 0; without a usable reply all boots score 0.5."""
        texts = "\n".join(f"[{number}] {boot['text']}" for number, boot in enumerate(boots))
        prompt = f"Which beginning of an answer is best? Reply with its number.\n{query.text}\n{texts}"
        reply = await query.ask(query.first, prompt, max_tokens=200)
        found = re.search(r"\d+", reply.visible_text)
        if found is None:
            return Scores(dict.fromkeys((boot["candidate"] for boot in boots), 0.5), "model: no usable reply")
        scores = {boot["candidate"]: float(number == int(found[0])) for number, boot in enumerate(boots)}
        return Scores(scores, "model", notes={"reply": reply.visible_text})


class LogprobSelector:
    """Selector: rank boots by the mean probability of their tokens; the models must return log-probabilities."""

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Return the geometric mean of the token probabilities; 0 for a boot without log-probabilities."""
        scores = {}
        for boot in boots:
            tokens = boot["metadata"].get("logprobs", {}).get("content", [])
            total = sum(token["logprob"] for token in tokens)
            scores[boot["candidate"]] = math.exp(total / len(tokens)) if tokens else 0.0
        return Scores(scores, "logprobs", reasons={name: f"p = {score:.2f}" for name, score in scores.items()})


class StreamingAggregator:
    """Aggregator: the first candidate writes one short answer; its tokens stream as the final answer."""

    async def merge(self, query: Query, answers: Sequence[Answer]) -> Merged:
        """Return the synthesis; a vote decides if the call fails or does not fit into the budget."""
        texts = "\n\n".join(answer["text"] for answer in answers)
        prompt = f"Write one short answer from these answers to: {query.text}\n\n{texts}"
        reply = await query.ask(query.first, prompt, stream=True)
        if reply.failure is not None:
            return await VoteAggregator().merge(query, answers)
        return Merged(reply.text, "synthesis", query.first.name, message_id=reply.message_id)


class StorePrior:
    """Prior: prefer the candidates whose answers agreed with the result of earlier runs of the same user."""

    async def score(self, query: Query) -> Mapping[str, float]:
        """Return a score of 0 to 1 that rises with the number of agreements in the store."""
        wins = await self._wins(query)
        return {name: (1 + wins[name]) / (1 + max(wins.values(), default=0)) for name in query.pool.names}

    async def observe(self, query: Query, decision: Decision) -> None:
        """Count the candidates that agreed in this run."""
        agreement = decision["agreement"]
        if query.store is not None and agreement is not None and agreement["leader"] is not None:
            wins = await self._wins(query) + Counter(agreement["groups"][agreement["leader"]])
            await query.store.aput(("wins", query.user_id or "all"), "wins", dict(wins))

    async def _wins(self, query: Query) -> Counter[str]:
        item = await query.store.aget(("wins", query.user_id or "all"), "wins") if query.store else None
        return Counter(item.value if item else {})


class WeightStop:
    """Stop rule: query one candidate after the other until equal answers have enough prior weight."""

    def next_candidates(self, query: Query, status: LayerStatus) -> Sequence[str]:
        """Return the next candidate, or none once the prior scores of equal answers add up to 1.2."""
        weights: Counter[str] = Counter()
        for name, key in status.answers.items():
            if key is not None:
                weights[key] += query.prior_scores[name]  # type: ignore[assignment]  # a Counter of floats
        if max(weights.values(), default=0) >= 1.2:
            return ()
        return [name for name in status.candidates if name not in status.answers][:1]

    def reason(self, query: Query, status: LayerStatus) -> str:
        """Return the reason for the decision record."""
        return "equal answers reached a prior weight of 1.2, or no candidate was left"


def script(reply: str, probability: float) -> Callable[[Sequence[BaseMessage]], AIMessage]:
    """Script a model: its reply with log-probabilities, the judge's number, or the merged answer."""
    token = {"token": "x", "logprob": math.log(probability)}

    def respond(messages: Sequence[BaseMessage]) -> AIMessage:
        if messages[-1].text.startswith("Which beginning"):
            return AIMessage("1")
        if messages[-1].text.startswith("Write one"):
            return AIMessage("It takes 85 minutes, by two of three answers.")
        return AIMessage(reply, response_metadata={"logprobs": {"content": [token] * 8}})

    return respond


# Yours: Pool.from_env(), or Pool(["openai:gpt-5.4-mini", "groq:openai/gpt-oss-20b", "ollama:llama3.2"])
POOL = Pool(
    [
        Candidate("oak", ScriptedChatModel(responses=script("From 9:40 to 11:05 the answer is 125.", 0.6))),
        Candidate("elm", ScriptedChatModel(responses=script("20 minutes and 65 minutes: the answer is 85.", 0.7))),
        Candidate("fir", ScriptedChatModel(responses=script("An hour and 25 minutes: the answer is 85.", 0.9))),
    ]
)
QUESTION = "A train leaves at 9:40 and arrives at 11:05. How many minutes does it take?"
SETTINGS = Context(boot_tokens=4, top_k=1, agree=None)


async def main() -> None:
    """Run one question with each part; the prior gets a second question."""
    await show("selector that asks a model", selector=ModelSelector(), context=SETTINGS)
    await show("selector on log-probabilities", selector=LogprobSelector(), context=SETTINGS)
    await show("streaming aggregator", aggregator=StreamingAggregator(), context=Context(top_k=3, agree=None))
    store, prior = InMemoryStore(), StorePrior()
    await show("prior, first run", store, prior=prior)
    await show("prior, second run", store, prior=prior)
    await show("stop rule", stop=WeightStop(), context=Context(boot_tokens=4))


async def show(title: str, store: InMemoryStore | None = None, **parts: Any) -> None:
    """Run the question and print the answer, why the run stopped, the candidates, and the calls on the bill."""
    router = create_lightrouter(POOL, **parts).compile(store=store)
    question = HumanMessage(QUESTION)
    tokens: list[str] = []
    answer: BaseMessage = question
    async for part in router.astream({"messages": [question]}, stream_mode=["messages", "values"], version="v2"):
        if part["type"] == "messages":
            tokens.append(part["data"][0].text)
        elif part["type"] == "values":
            answer = part["data"]["messages"][-1]
    decision = decision_of(answer)
    assert decision is not None, "LightRouter wrote the last message"
    print(f"{title}: {'|'.join(filter(None, tokens))}")
    print(f"  stopped: {decision['stopped_text']}; {decision['bill']['calls']} calls")
    for c in decision["candidates"]:
        score = f"rank {c['rank']}  score {c['score'] or 0:.2f}"
        print(f"  {c['candidate']}  prior {c['prior']:.2f}  {score}  {c['outcome']}")
    print()


if __name__ == "__main__":
    asyncio.run(main())
