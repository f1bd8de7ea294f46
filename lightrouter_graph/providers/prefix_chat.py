"""Chat model for DeepSeek's endpoint, which continues a final assistant message with `"prefix": true`."""

from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_openai.chat_models.base import BaseChatOpenAI


class PrefixChatOpenAI(BaseChatOpenAI):
    """`BaseChatOpenAI` that sends `additional_kwargs={"prefix": True}` of the last `AIMessage`.

    Source: https://api-docs.deepseek.com/news/news0725 (chat prefix completion).
    """

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        payload = super()._get_request_payload(input_, stop=stop, **kwargs)
        last = self._convert_input(input_).to_messages()[-1]
        if isinstance(last, AIMessage) and last.additional_kwargs.get("prefix"):
            payload["messages"][-1]["prefix"] = True
        return payload
