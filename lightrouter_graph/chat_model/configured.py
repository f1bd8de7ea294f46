"""`ConfiguredChatModel`: passes thread and user of a configuration on to the calls of a chat model."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import RunnableConfig

from lightrouter_graph.chat_model.arguments import IDS

_Config = RunnableConfig | None


class ConfiguredChatModel(BaseChatModel):
    """A chat model whose calls get `thread_id` and `user_id` of `configurable` as arguments; LangChain drops them."""

    # ruff: noqa: A002 - `input` is LangChain's name

    def invoke(self, input: LanguageModelInput, config: _Config = None, **kwargs: Any) -> AIMessage:
        """Return the answer to `input`."""
        return super().invoke(input, config, **_with_ids(config, kwargs))

    async def ainvoke(self, input: LanguageModelInput, config: _Config = None, **kwargs: Any) -> AIMessage:
        """Return the answer to `input`."""
        return await super().ainvoke(input, config, **_with_ids(config, kwargs))

    def stream(self, input: LanguageModelInput, config: _Config = None, **kwargs: Any) -> Iterator[AIMessageChunk]:
        """Stream the answer to `input`."""
        return super().stream(input, config, **_with_ids(config, kwargs))

    def astream(
        self, input: LanguageModelInput, config: _Config = None, **kwargs: Any
    ) -> AsyncIterator[AIMessageChunk]:
        """Stream the answer to `input`."""
        return super().astream(input, config, **_with_ids(config, kwargs))


def _with_ids(config: _Config, arguments: dict[str, Any]) -> dict[str, Any]:
    configured = (config or {}).get("configurable") or {}
    return {**{name: configured[name] for name in sorted(IDS) if configured.get(name) is not None}, **arguments}
