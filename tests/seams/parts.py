"""Parts that call a model with `query.ask` and record what their query provides."""

from lightrouter_graph import Candidate, Merged, Scores
from lightrouter_graph.testing import ScriptedChatModel

PRICE = (1.0, 4.0)


class Asking:
    """Base of the parts: asks its model in each call, and keeps queries and completions."""

    def __init__(self, reply="fine", price=PRICE, **ask):
        self.model = ScriptedChatModel(responses=reply, name="helper")
        self.candidate, self.ask = Candidate("helper", self.model, price=price), ask
        self.queries, self.completions = [], []

    async def asked(self, query, prompt="Which is best?"):
        self.queries.append(query)
        self.completions.append(await query.ask(self.candidate, prompt, **self.ask))
        return self.completions[-1]

    @property
    def causes(self):
        return [completion.failure and completion.failure["cause"] for completion in self.completions]


class AskingPrior(Asking):
    async def score(self, query):
        await self.asked(query)
        return dict.fromkeys(query.pool.names, 1.0)


class Observer(Asking):
    async def score(self, query):
        return dict.fromkeys(query.pool.names, 1.0)

    async def observe(self, query, decision):
        await self.asked(query)


class AskingSelector(Asking):
    async def score(self, query, boots):
        await self.asked(query)
        return Scores({boot["candidate"]: 0.5 for boot in boots}, "asking")


class AskingEquivalence(Asking):
    async def group(self, query, answers):
        await self.asked(query)
        return [[answer["candidate"]] for answer in answers]


class AskingAggregator(Asking):
    def __init__(self, *args, passes_id=True, **ask):
        super().__init__(*args, **ask)
        self.passes_id = passes_id

    async def merge(self, query, answers):
        reply = await self.asked(query)
        return Merged(
            reply.text or answers[0]["text"], "own", "helper", message_id=reply.message_id if self.passes_id else None
        )


PARTS = {
    "prior": AskingPrior,
    "memory": Observer,
    "selector": AskingSelector,
    "equivalence": AskingEquivalence,
    "aggregator": AskingAggregator,
}
