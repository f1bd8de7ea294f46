"""The official `openai` client, or any other client of its API, with LightRouter.

    python examples/openai_client.py

`lightrouter serve` serves the pool at an OpenAI-compatible address: the model `lightrouter` is the router, and each
candidate has its own name. This example serves the same app on a free port of 127.0.0.1 and requests an answer with its
decision record, a stream, and a tool call. It prints the replies.

No key is needed: the models are scripted. Put your own into POOL. The server needs `lightrouter-graph[serve]`.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from langchain_core.messages import BaseMessage, ToolCall
from openai import DefaultHttpxClient, OpenAI
from openai.types.chat import ChatCompletionFunctionToolParam

from lightrouter_graph import Candidate, Pool
from lightrouter_graph.server import create_app, listen
from lightrouter_graph.testing import Reply, ScriptedChatModel


def script(answer: str, city: str) -> Callable[[Sequence[BaseMessage]], Reply]:
    """Script a model: its answer, and the city of its weather call."""
    looks_up = Reply("", [ToolCall(name="weather", args={"city": city}, id="call_1")])
    return lambda messages: looks_up if "weather" in messages[-1].text else Reply(answer)


# Yours: Pool.from_env(), or Pool(["openai:gpt-5.4-mini", "groq:openai/gpt-oss-20b", "ollama:llama3.2"])
POOL = Pool(
    [
        Candidate("oak", ScriptedChatModel(responses=script("17 * 23 = 381. The answer is 381.", "Bern"))),
        Candidate("elm", ScriptedChatModel(responses=script("340 + 51. The answer is 391.", "Bonn"))),
        Candidate("fir", ScriptedChatModel(responses=script("23 * 17 is 391. The answer is 391.", "Bonn"))),
    ]
)

WEATHER: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Return the weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def main() -> None:
    """Serve the pool and send three requests."""
    direct = DefaultHttpxClient(trust_env=False)  # no proxy for loopback
    # With `lightrouter serve` running: OpenAI(base_url="http://localhost:8000/v1", api_key="unused")
    with serve(POOL) as url, OpenAI(base_url=url, api_key="unused", http_client=direct) as client:
        print(f"Models at {url}: {', '.join(model.id for model in client.models.list())}\n")
        ask_with_decision(client, "What is 17 * 23?")
        ask_streamed(client, "What is 17 * 23?")
        ask_for_a_call(client, "How is the weather in Bonn?")


def ask_with_decision(client: OpenAI, question: str) -> None:
    """Send settings with one request, and print the answer of each candidate."""
    completion = client.chat.completions.create(
        model="lightrouter",
        messages=[{"role": "user", "content": question}],
        extra_body={"lightrouter": {"decision": True, "boot_tokens": 50}},
    )
    decision = (completion.model_extra or {})["lightrouter"]
    print(f"An answer: {completion.choices[0].message.content}  ({decision['stopped_text']})")
    for candidate in decision["candidates"]:
        print(f"  {candidate['candidate']} answered {candidate['key'] or candidate['outcome']}")


def ask_streamed(client: OpenAI, question: str) -> None:
    """Query one candidate alone, and print its answer chunk by chunk."""
    stream = client.chat.completions.create(model="elm", messages=[{"role": "user", "content": question}], stream=True)
    chunks = [chunk.choices[0].delta.content for chunk in stream if chunk.choices[0].delta.content]
    print(f"\nA stream of elm alone: {'|'.join(chunks)}")


def ask_for_a_call(client: OpenAI, question: str) -> None:
    """Offer a tool, and print the call that won the vote."""
    completion = client.chat.completions.create(
        model="lightrouter", messages=[{"role": "user", "content": question}], tools=[WEATHER]
    )
    for call in completion.choices[0].message.tool_calls or []:
        if call.type == "function":
            print(f"\nA tool call: {call.function.name}({call.function.arguments})")


@contextmanager
def serve(pool: Pool) -> Iterator[str]:
    """Serve a pool on a free port, as `lightrouter serve` does."""
    listening = listen("127.0.0.1", 0)  # requests wait here until the server is up
    server = uvicorn.Server(uvicorn.Config(create_app(pool), lifespan="off", ws="none", log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    main()
