"""A conversation over two turns, and a run that pauses before the expensive part.

    python examples/multi_turn.py

With a checkpointer LightRouter keeps the conversation of a thread: every candidate gets all of it, and each turn has
its own ranking and bill. In the second turn the run pauses after the ranking, before any full answer. The example
prints the ranking and resumes. The boots are saved, so no call is paid for twice.

It prints both turns and the number of calls of each. No key is needed: the models are scripted. Put your own into POOL.
"""

from collections.abc import Callable, Sequence

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver

from lightrouter_graph import Candidate, Context, Pool, create_lightrouter
from lightrouter_graph.testing import ScriptedChatModel


def script(first: str, second: str) -> Callable[[Sequence[BaseMessage]], str]:
    """Script a model: its answer in the first turn, and in the second, when it sees three messages."""
    return lambda messages: first if len(messages) == 1 else second


OAK = "A current of 2 knots means 6 + 2 = 8 knots over ground, and 8 * 5 = 40. The answer is 40 miles."
ELM = "Against the current the boat makes 6 - 2 = 4 knots over ground, and 4 * 5 = 20. The answer is 20 miles."
FIR = "The current takes 2 of the 6 knots, so 4 are left over ground: 4 * 5 = 20. The answer is 20 miles."

# Yours: Pool.from_env(), or Pool(["openai:gpt-5.4-mini", "groq:openai/gpt-oss-20b", "ollama:llama3.2"])
POOL = Pool(
    [
        Candidate("oak", ScriptedChatModel(responses=script("The answer is 30 miles.", OAK))),
        Candidate("elm", ScriptedChatModel(responses=script("The answer is 11 miles.", ELM))),
        Candidate("fir", ScriptedChatModel(responses=script("The answer is 30 miles.", FIR))),
    ]
)

# To keep threads beyond this process: SqliteSaver.from_conn_string("threads.sqlite"), of langgraph-checkpoint-sqlite.
router = create_lightrouter(POOL, context=Context(boot_tokens=16)).compile(checkpointer=InMemorySaver())
THREAD: RunnableConfig = {"configurable": {"thread_id": "boat"}}


def main() -> None:
    """Run two turns; the second question depends on the first."""
    router.invoke({"messages": [HumanMessage("A boat makes 6 knots. How far does it come in 5 hours?")]}, THREAD)
    show_turn()

    question = HumanMessage("And against a current of 2 knots?")
    router.invoke({"messages": [question]}, THREAD, interrupt_before=["generate"])
    if router.get_state(THREAD).next:  # finished boots that agree end the run without a pause
        show_pause()
        router.invoke(None, THREAD)  # None: resume
    show_turn()


def show_turn() -> None:
    """Print the last question, its answer, and its cost in calls."""
    *earlier, question, answer = router.get_state(THREAD).values["messages"]
    decision = answer.response_metadata["lightrouter"]
    print(f"Q: {question.text}\nA: {answer.text}")
    calls = decision["bill"]["calls"]
    print(f"   {decision['stopped_text']}; {calls} calls in this turn, {len(earlier)} messages before it\n")


def show_pause() -> None:
    """Print the ranking and the boots before any full answer."""
    state = router.get_state(THREAD).values
    ranking, boots = state["rankings"][-1], {boot["candidate"]: boot["text"] for boot in state["boots"]}
    print("Paused. The boots so far, best first:")
    for name in ranking["order"]:
        print(f"   {ranking['scores'][name]:.2f}  {name}  {boots[name]} ...")
    print()


if __name__ == "__main__":
    main()
