"""A run without a graph: every step asks the planner, and providers do what they like within (or beyond) their caps."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from builders import answer, boot, call_cost, query, ranking, state, usage
from langchain_core.messages import AIMessage, HumanMessage
from planning.parts import begun, planner

from lightrouter_graph.budget.amounts import Amount, cost_of
from lightrouter_graph.budget.remaining import remaining_budget
from lightrouter_graph.budget.reservations import BudgetReservations
from lightrouter_graph.budget.spent import total_spent
from lightrouter_graph.context import Budget
from lightrouter_graph.errors import BudgetError
from lightrouter_graph.planning.planner import progress_of
from lightrouter_graph.prompts import with_draft, with_shared_boots
from lightrouter_graph.providers.pricing import Price
from lightrouter_graph.query import planned_calls
from lightrouter_graph.records import NOTHING_SPENT
from lightrouter_graph.state_queries import LayerView
from lightrouter_graph.stopping import counted, next_candidates, rule_for

FREE = Price(0.0, 0.0)


@dataclass
class Run:
    """One run.

    `failing` is how likely a call fails, `wordy` how many bytes a token of a reply has; `ignoring` is which call, by
    its number, has a provider that ignores its cap.
    """

    pool: Any
    settings: Any
    random: Random
    budget: Budget | None = None
    thread_budget: Budget | None = None
    before: Any = field(default_factory=lambda: NOTHING_SPENT)
    judge: Any = None
    writer: Any = None
    failing: float = 0.3
    wordy: int = 6
    ignoring: int | None = None
    question: str = "x" * 300
    calls: list[Amount] = field(default_factory=list)
    excess: Amount = field(default_factory=Amount)
    notes: list[str] = field(default_factory=list)
    plans: list[Any] = field(default_factory=list)

    @property
    def messages(self) -> list[HumanMessage]:
        return [HumanMessage(self.question)]

    @property
    def took(self) -> Amount:
        return sum(self.calls, Amount())

    @property
    def view(self) -> LayerView:
        """A view of the present state, which changes with every step."""
        return LayerView(self.state)

    def go(self) -> bool:
        """Run; whether anything was begun."""
        names = self.pool.names
        self.planner = planner(self.judge, self.writer)
        self.state = state("", self.settings, messages=self.messages, prior_order=list(names))
        self.state["prior_scores"] = dict.fromkeys(names, 1.0)
        try:
            self._follow(self.planner.plan_layer(self._query(), self._left(), begun(self._query())))
        except BudgetError:
            return False
        alone = len(self.state["first_wave"]) == 1
        self.state["layer"] = self.view.settings.layers if alone else 1
        while self._layer():
            pass
        return True

    def _layer(self) -> bool:
        """Run one layer; whether there is another."""
        allowed = self.plans[-1].allowances
        if len(self.state["first_wave"]) == 1:
            self._answer(self.state["first_wave"], allowed)
        else:
            self._boot(allowed)
            self._select()
            if self.view.ends_in_draft:
                return self._draft()
            self._wave(first=True)
        while self._wave():
            pass
        self._merge(self._counted())
        return False

    def _boot(self, allowed):
        for name in self.state["first_wave"]:
            cap = self.view.settings.boot_tokens
            cap = min(cap, self.view.settings.max_tokens or cap)
            text, told = self._task(name, allowed.get(name), self._asked(), cap)
            done = self.random.random() < 0.2
            made = boot(name, text or "", layer=self.state["layer"], usage=told, finished=bool(text) and done)
            made["key"] = self.random.choice(["4", "5", None]) if made["finished"] else None
            made["failure"] = None if text else {"cause": "unavailable", "message": "down"}
            self.state["boots"].append(made)

    def _select(self):
        query, notes = self.planner.plan_selection(self._query(), self._left(), self._progress())
        self.notes += notes
        boots = [b["text"] for b in self.view.survivors]
        if len(boots) > 1:
            part = self.planner.selectors[query.settings.selector]
            self._part(part, query.reservations, boots, self.pool[self.state["prior_order"][0]])
        order = [b["candidate"] for b in self.view.survivors]
        self.random.shuffle(order)
        self.state["rankings"].append(ranking(*order, layer=self.state["layer"]))

    def _wave(self, *, first=False):
        query, up = self._query(), self._next()
        plan = self.planner.plan_answers(query, self._left(), self._progress(), up)
        if first:
            self.notes += plan.notes
        self.state["deadline_exceeded"] = self.state["deadline_exceeded"] or plan.budget_exhausted
        self._answer(plan.candidates, plan.allowances)
        return bool(plan.candidates) and bool(self._next()) and not plan.budget_exhausted

    def _answer(self, names, allowed):
        for name in names:
            text, told = self._task(name, allowed.get(name), self._asked(name), self.view.settings.max_tokens)
            key = self.random.choice(["4", "5", "6", None])
            made = answer(name, key if text else None, text=text or "", layer=self.state["layer"], usage=told)
            made["failure"] = None if text else {"cause": "unavailable", "message": "down"}
            self.state["answers"].append(made)

    def _merge(self, answers):
        query, notes = self.planner.plan_merge(self._query(), self._left(), self._progress(), answers)
        self.notes += notes
        texts = [a["text"] for a in answers]
        if len(texts) < 2:
            return ""
        part = self.planner.aggregators[query.settings.aggregator]
        return self._part(part, query.reservations, texts, self.pool[answers[0]["candidate"]])

    def _draft(self):
        boots = self.view.draft_boots
        assert self.view.is_inner
        text = self._merge(boots) or boots[0]["text"]
        self.state["drafts"].append({"layer": self.state["layer"], "text": text, "candidates": ["a"]})
        self.state["layer"] += 1
        try:
            plan = self.planner.plan_layer(self._query(), self._left(), self._progress())
        except BudgetError:
            self.notes.append("no layer is left")
            return False
        self.notes += plan.notes
        self._follow(plan)
        return True

    def _part(self, part, budget, texts, first):
        said = ""
        for call in planned_calls(part, self._query(), texts):
            for _ in range(3):
                text, _told, again = self._call(budget, call.candidate or first, call.messages, call.max_tokens)
                said = text or said
                if not again:
                    break
        return said

    def _task(self, name, allowance, messages, cap):
        """Make the calls of one task: up to three tries."""
        budget = BudgetReservations() if allowance is None else BudgetReservations(allowance, self._progress().bound)
        for _ in range(3):
            text, told, again = self._call(budget, self.pool[name], messages, cap)
            if not again:
                break
        return text, told

    def _call(self, budget, candidate, messages, cap):
        reservation = budget.reserve(candidate, messages, cap)
        if reservation is None:
            return None, usage(0, 0), False
        prompt, written = self._prompt(candidate, messages), self._written(reservation.cap)
        record = {**call_cost(candidate=candidate.name, usd=0.0), "cap": reservation.cap}
        fate = self._fate()
        if fate == "refused":
            record["usage"] = usage(0, 0)
            took = Amount(calls=1)
        else:
            took = cost_of(candidate.price or FREE, prompt, written)
            record |= {"usage": usage(prompt, written), "usd": None if candidate.price is None else took.usd}
        if fate in {"lost", "uncounted"}:
            record |= {"usage": usage(prompt // 4, 0 if fate == "lost" else written // 3, estimated=True)}
            record |= budget.worst_case(candidate, messages, reservation.cap)
            record["outcome"] = "lost" if fate == "lost" else "completed"
        self.calls.append(took)
        budget.settle(reservation, record)
        self.state["call_costs"].append(record)
        if reservation.cap is not None and written > reservation.cap:
            self.excess += cost_of(candidate.price or FREE, 0, written - reservation.cap)
        came = fate in {"returned", "uncounted"}
        return "y" * (written * self.wordy) if came else None, record["usage"], not came

    def _fate(self):
        if len(self.calls) == self.ignoring:
            return "returned"
        if self.random.random() >= self.failing:
            return "returned"
        return self.random.choice(["lost", "refused", "uncounted"])

    def _prompt(self, candidate, messages):
        """Count tokens as a tokenizer of the candidate's own would: no more than bytes."""
        rate = 1 / (1 + self.pool.names.index(candidate.name)) if candidate.name in self.pool else 1.0
        return int(256 * rate) + sum(int((16 + len(message.text.encode())) * rate) for message in messages)

    def _written(self, cap):
        if len(self.calls) == self.ignoring:
            return (cap or 0) + self.random.randint(1, 20_000)
        most = 2000 if cap is None else cap
        return most if self.random.random() < 0.3 else self.random.randint(1, max(1, most))

    def _asked(self, name=None):
        """Return the prompt of a boot, or of the full answer of a candidate, as the steps write them."""
        drafts = self.state["drafts"]
        messages = with_draft(self.state["messages"], drafts[-1]["text"] if drafts else None)
        if name is None:
            return messages
        chosen = self.view.top_boots if self.settings.conditioning == "shared" else []
        if len(chosen) > 1:
            return with_shared_boots(messages, [boot["text"] for boot in chosen])
        begun = [AIMessage(boot["text"]) for boot in self.view.survivors if boot["candidate"] == name]
        return [*messages, *(begun if self.pool[name].continuation else [])]

    def _query(self):
        view, names = self.view, ("messages", "prior_order", "prior_scores", "layer")
        values = {name: self.state[name] for name in names}
        return query(self.pool, settings=view.settings, final=not view.is_inner, **values)

    def _progress(self):
        return progress_of(self.view, self._query())

    def _next(self):
        view = self.view
        return [] if view.is_settled else next_candidates(rule_for(view.settings), self._query(), view.status)

    def _counted(self):
        view = self.view
        return [view.answers[name] for name in counted(rule_for(view.settings), self._query(), view.status)]

    def _left(self):
        return remaining_budget(self.budget, self.thread_budget, total_spent(self.state["call_costs"]), self.before)

    def _follow(self, plan):
        self.plans.append(plan)
        self.state["settings"] = {**self.state["settings"], **plan.settings}
        self.state |= {"prior_order": list(plan.order), "first_wave": list(plan.candidates)}
