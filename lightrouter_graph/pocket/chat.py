"""`ChatPocket`: a pocket model as a LangChain chat model."""

from collections.abc import Iterator
from typing import Any, Self

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata, add_ai_message_chunks
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field

from lightrouter_graph.pocket.conversation import UNSUPPORTED, read_request
from lightrouter_graph.pocket.model import PocketModel, PocketName, Token, load_model
from lightrouter_graph.pocket.tokenizer import END


class ChatPocket(BaseChatModel):
    """A bundled language model: no API key, no network, a few milliseconds per response.

    It solves short grade-school word problems step by step, and makes mistakes. To other questions it returns a fixed
    sentence. `merger` also reads the answers in the prompt of an `LLMAggregator`. A final `AIMessage` is continued.

    Attributes:
        model: Name of the bundled model.
        temperature: Sampling temperature, >= 0; 0 selects the most probable token.
        seed: Random seed of the sampling; None for a random one.
        max_tokens: Limit of output tokens, >= 1, in tokens of this model; None for the context size.
        stop: Strings that end the response; they are not part of it.
        logprobs: Whether `response_metadata["logprobs"]` contains the log-probability of each token.

    Example:
        >>> ChatPocket(model="general").invoke("What is 47 plus 38?").text
        '47 + 38: ones 7 + 8 = 15, tens 4 + 3 + 1 = 8, so 85. The answer is 85.'
    """

    model: PocketName = Field(default="general", alias="model_name")
    temperature: float = Field(default=0.0, ge=0)
    seed: int | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    stop: list[str] | None = Field(default=None, alias="stop_sequences")
    logprobs: bool = False
    model_config = ConfigDict(populate_by_name=True)

    @property
    def _llm_type(self) -> str:
        return "pocket-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model, "temperature": self.temperature, "seed": self.seed}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        known = super()._get_ls_params(stop=stop, **kwargs)
        return {**known, "ls_provider": "pocket", "ls_model_name": kwargs.get("model", self.model)}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        chunks = list(_Reply.of(self, messages, stop, kwargs).chunks())
        whole = add_ai_message_chunks(*chunks)
        message = AIMessage(
            content=whole.content, usage_metadata=whole.usage_metadata, response_metadata=whole.response_metadata
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for message in _Reply.of(self, messages, stop, kwargs).chunks():
            chunk = ChatGenerationChunk(message=message)
            if run_manager and message.text:
                run_manager.on_llm_new_token(str(message.text), chunk=chunk)
            yield chunk


class _Reply:
    """One response during generation: prompt tokens, output tokens, finish reason."""

    def __init__(self, model: PocketModel, tokens: Iterator[Token], read: int, stop: list[str]) -> None:
        self._model, self._tokens, self._read = model, tokens, read
        self._stop = [text for text in stop if text]
        self._logprobs: list[dict[str, Any]] | None = None
        self._written = 0
        self._reason = "length"

    @classmethod
    def of(cls, chat: ChatPocket, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]) -> Self:
        """Parse the messages and start the generation."""
        model = load_model(kwargs.get("model", chat.model))
        limit = kwargs.get("max_completion_tokens") or kwargs.get("max_tokens") or chat.max_tokens
        problem = read_request(messages, model.tokenizer)
        if problem is None:
            read = sum(len(model.tokenizer.encode(str(message.text))) for message in messages)
            tokens = _fixed_tokens(model.tokenizer.ids[END], limit)
        else:
            answers = problem.answers if model.name == "merger" else ()
            prompt = model.prompt(problem.question, answers, problem.written)
            read = len(prompt)
            temperature, seed = kwargs.get("temperature", chat.temperature), kwargs.get("seed", chat.seed)
            tokens = model.generate(prompt, max_tokens=limit, temperature=temperature or 0.0, seed=seed)
        reply = cls(model, tokens, read, stop or chat.stop or [])
        if kwargs.get("logprobs", chat.logprobs):
            reply._logprobs = []
        return reply

    def chunks(self) -> Iterator[AIMessageChunk]:
        """Yield the text as message chunks, and a last chunk with usage and finish reason."""
        for text in self._until_stop(self._texts()):
            yield AIMessageChunk(content=text)
        usage = UsageMetadata(
            input_tokens=self._read, output_tokens=self._written, total_tokens=self._read + self._written
        )
        metadata: dict[str, Any] = {"finish_reason": self._reason, "model_name": self._model.name}
        if self._logprobs is not None:
            metadata["logprobs"] = {"content": self._logprobs}
        yield AIMessageChunk(content="", usage_metadata=usage, response_metadata=metadata, chunk_position="last")

    def _texts(self) -> Iterator[str]:
        end = self._model.tokenizer.ids[END]
        for token in self._tokens:
            self._written += 1
            if self._logprobs is not None:
                self._logprobs.append({"token": self._model.tokenizer.tokens[token.id], "logprob": token.logprob})
            if token.id == end:
                self._reason = "stop"
            if token.text:
                yield token.text

    def _until_stop(self, texts: Iterator[str]) -> Iterator[str]:
        """Yield text up to a stop string; a possible prefix of one is buffered."""
        buffer = ""
        longest = max(map(len, self._stop), default=1)
        for text in texts:
            buffer += text
            found = [index for index in map(buffer.find, self._stop) if index >= 0]
            if found:
                self._reason = "stop"
                if before := buffer[: min(found)]:
                    yield before
                return
            certain = len(buffer) - (longest - 1)
            if certain > 0:
                yield buffer[:certain]
                buffer = buffer[certain:]
        if buffer:
            yield buffer


def _fixed_tokens(end: int, limit: int | None) -> Iterator[Token]:
    words = UNSUPPORTED.split(" ")
    for i, word in enumerate(words[:limit]):
        yield Token(-1, 0.0, f" {word}" if i else word)
    if limit is None or limit > len(words):
        yield Token(end, 0.0, "")
