"""A bad day: one model is down, one does not answer, one talks without end; an answer comes in time and in budget.

    python examples/resilience.py

The models are recorded ones behind a real HTTP server on 127.0.0.1, with faults as providers have them. The settings
say what a run may cost in the worst case, how long it may take, and how long the slow are waited for. It prints the
answer, what became of each candidate, what was done otherwise than asked for, and what was spent. Then it asks with a
budget that is enough for nothing, which is found out before anything is sent.

No key is needed. For models of your own put a pool in the place of `pool_at(...)`, with a price for each whose price is
not known: a budget in USD leaves the others out.
"""

import time

from langchain_core.messages import HumanMessage

from lightrouter_graph import Budget, BudgetError, Calls, Candidate, Context, Decision, Pool, create_lightrouter
from lightrouter_graph.testing import Fail, RecordedModelServer, ServerBehaviour, Stall, Timing

QUESTION = "A ferry takes 24 cars. How many trips does it need for 100 cars?"
ANSWERS = {
    "down": "Nobody will ever read this.",
    "talker": " ".join(f"Trip {i} takes 24 cars, and there is more to say about it." for i in range(1, 200)),
    "steady": "Four trips take 96 cars and the last 4 need one more. The answer is 5.",
    "stuck": "Nobody will wait for this.",
    "second": "100 / 24 is a little more than 4, so 5 trips. The answer is 5.",
    "spare": "4 * 24 = 96, so 5 trips. The answer is 5.",
}
FAULTS = {"down": Fail(503, "the model is overloaded"), "stuck": Stall()}
BEHAVIOURS = {"talker": ServerBehaviour(honours_limit=False)}  # asked for so many tokens, it writes on

CONTEXT = Context(
    width=None,
    top_k=2,
    agree=None,
    max_tokens=400,
    budget=Budget(usd=0.013, calls=12),
    deadline_s=5,
    calls=Calls(boot_quorum=3, boot_grace_s=0.2, max_retries=1),
)


def main() -> None:
    """Ask on a bad day, then with next to no money."""
    records = [{"question": QUESTION, "outputs": {name: {"text": text} for name, text in ANSWERS.items()}}]
    with RecordedModelServer(records, failures=FAULTS, behaviours=BEHAVIOURS, timing=Timing(0.05, 400)) as server:
        pool = pool_at(server.base_url)
        ask(pool, CONTEXT)

        server.reset()
        ask(pool, Context(budget=Budget(usd=0.00001)))
        print(f"requests sent: {len(server.requests)}")


def pool_at(base_url: str) -> Pool:
    """Make a pool of the recorded models, the most trusted first; yours would be `Pool.from_toml(...)`."""
    return Pool([Candidate(name, f"vllm:{name}@{base_url}", price=(1.0, 4.0)) for name in ANSWERS])


def ask(pool: Pool, context: Context) -> None:
    """Ask, and print the answer and how it came to be; or why there is none."""
    router = create_lightrouter(pool, context=context).compile()
    began = time.monotonic()
    try:
        answer = router.invoke({"messages": [HumanMessage(QUESTION)]})["messages"][-1]
    except BudgetError as exc:
        print(f"\nno answer: {exc}")
        return
    print(f"{answer.text}\n")
    show(answer.response_metadata["lightrouter"])
    print(f"after {time.monotonic() - began:.1f} s")


def show(decision: Decision) -> None:
    """Print what tells of a bad day in a decision record."""
    for candidate in decision["candidates"]:
        print(f"{candidate['candidate']:<7} {candidate['outcome']:<11} {candidate['why']}".rstrip())
    print()
    for note in decision["budget"]:
        print(note)
    print(f"deadline exceeded: {decision['deadline_exceeded']}; complete: {decision['complete']}")
    print(f"stopped because {decision['stopped_text']}")
    print(f"bill: {decision['bill']['calls']} calls, {decision['bill']['usd']:.5f} USD")


if __name__ == "__main__":
    main()
