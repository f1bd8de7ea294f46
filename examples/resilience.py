"""Failures: one model is down, one stalls, one ignores its token cap; the answer keeps deadline and budget.

    python examples/resilience.py

The models are recorded and served over HTTP on 127.0.0.1, with faults that providers have. The settings limit the
worst-case cost of a run, its duration, and the wait for slow candidates. The example prints the answer, the outcome of
each candidate, what the budget changed, and the bill. A second run has a budget too small for any answer: it fails
before a request is sent.

No key is needed. Replace `pool_at(...)` by your own pool. A budget in USD excludes candidates without a known price, so
give each a price.
"""

import time

from langchain_core.messages import HumanMessage

from lightrouter_graph import Budget, BudgetError, Calls, Candidate, Context, Decision, Pool, create_lightrouter
from lightrouter_graph.testing import Fail, RecordedModelServer, ServerBehaviour, Stall, Timing

QUESTION = "A ferry takes 24 cars. How many trips does it need for 100 cars?"
ANSWERS = {
    "down": "This answer is never sent.",
    "talker": " ".join(f"Trip {i} takes 24 cars, and there is more text." for i in range(1, 200)),
    "steady": "Four trips take 96 cars and the last 4 need one more. The answer is 5.",
    "stuck": "This answer never arrives.",
    "second": "100 / 24 is a little more than 4, so 5 trips. The answer is 5.",
    "spare": "4 * 24 = 96, so 5 trips. The answer is 5.",
}
FAULTS = {"down": Fail(503, "the model is overloaded"), "stuck": Stall()}
BEHAVIOURS = {"talker": ServerBehaviour(honours_limit=False)}  # exceeds max_tokens

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
    """Run with faults, then with a budget that is too small."""
    records = [{"question": QUESTION, "outputs": {name: {"text": text} for name, text in ANSWERS.items()}}]
    with RecordedModelServer(records, failures=FAULTS, behaviours=BEHAVIOURS, timing=Timing(0.05, 400)) as server:
        pool = pool_at(server.base_url)
        run(pool, CONTEXT)

        server.reset()
        run(pool, Context(budget=Budget(usd=0.00001)))
        print(f"requests sent: {len(server.requests)}")


def pool_at(base_url: str) -> Pool:
    """Return a pool of the recorded models, the most trusted first."""
    return Pool([Candidate(name, f"vllm:{name}@{base_url}", price=(1.0, 4.0)) for name in ANSWERS])


def run(pool: Pool, context: Context) -> None:
    """Run the question, and print the answer and its record, or the error."""
    router = create_lightrouter(pool, context=context).compile()
    started = time.monotonic()
    try:
        answer = router.invoke({"messages": [HumanMessage(QUESTION)]})["messages"][-1]
    except BudgetError as exc:
        print(f"\nno answer: {exc}")
        return
    print(f"{answer.text}\n")
    show(answer.response_metadata["lightrouter"])
    print(f"after {time.monotonic() - started:.1f} s")


def show(decision: Decision) -> None:
    """Print outcomes, budget notes, stop reason and bill of a decision record."""
    for candidate in decision["candidates"]:
        print(f"{candidate['candidate']:<7} {candidate['outcome']:<11} {candidate['why']}".rstrip())
    print()
    for note in decision["budget"]:
        print(note)
    print(f"deadline exceeded: {decision['deadline_exceeded']}; complete: {decision['complete']}")
    print(f"stopped: {decision['stopped_text']}")
    print(f"bill: {decision['bill']['calls']} calls, {decision['bill']['usd']:.5f} USD")


if __name__ == "__main__":
    main()
