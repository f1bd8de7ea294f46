"""The providers whose models this package builds itself, and other names for them.

Looked up in November and December 2026; the source is next to each entry. If a source is ambiguous the value is None,
and calls use the form that always works at a higher cost.
"""

from collections.abc import Mapping
from types import MappingProxyType

from lightrouter_graph.providers.provider import Provider

ROWS: Mapping[str, Provider] = {
    # https://developers.openai.com/api/docs/deprecations: gpt-4.1-nano is removed, gpt-4o and gpt-4.1(-mini)
    # end on 2027-01-14. The remaining models reason, unless `reasoning_effort` is "none":
    # https://developers.openai.com/api/docs/guides/deployment-checklist
    "openai": Provider(
        api_key_env="OPENAI_API_KEY",
        base_url="https://api.openai.com/v1",
        base_url_env="OPENAI_BASE_URL",
        limit_parameter="max_completion_tokens",
        json_mode="json_schema",
        price_id="openai",
        default_models={"gpt-5.4-mini": "none", "gpt-5.4-nano": "none", "gpt-6-luna": "none"},
    ),
    # https://openrouter.ai/docs/api-reference/overview: max_tokens; response_format json_object. Whether
    # a final assistant message is continued depends on the model: None.
    "openrouter": Provider(
        api_key_env="OPENROUTER_API_KEY",
        base_url="https://openrouter.ai/api/v1",
        json_mode="json_object",
        price_id="openrouter",
        default_models={
            "meta-llama/llama-3.3-70b-instruct": None,
            "qwen/qwen3-235b-a22b-2507": None,
            "mistralai/mistral-small-3.2-24b-instruct": None,
            "google/gemma-3-27b-it": None,
        },
    ),
    # https://docs.together.ai/reference/chat-completions-1 (max_tokens); JSON schema only for some models.
    "together": Provider(
        api_key_env="TOGETHER_API_KEY",
        base_url="https://api.together.xyz/v1",
        json_mode="json_object",
        price_id="together",
        default_models={"meta-llama/Llama-3.3-70B-Instruct-Turbo": None, "openai/gpt-oss-120b": "low"},
    ),
    # max_tokens is deprecated: https://github.com/groq/groq-python/pull/175. JSON mode:
    # https://console.groq.com/docs/text-chat. https://console.groq.com/docs/prompting describes
    # prefilling with Llama 3; those models ended on 2026-08-16. It is not documented for the reasoning models that
    # replaced them (https://console.groq.com/docs/deprecations): None.
    "groq": Provider(
        api_key_env="GROQ_API_KEY",
        base_url="https://api.groq.com/openai/v1",
        limit_parameter="max_completion_tokens",
        json_mode="json_object",
        price_id="groq",
        default_models={"openai/gpt-oss-120b": "low", "openai/gpt-oss-20b": "low"},
    ),
    # Prefix completion at the beta URL, JSON output: https://api-docs.deepseek.com/news/news0725.
    # Reasoning is on by default: https://api-docs.deepseek.com/guides/thinking_mode
    "deepseek": Provider(
        api_key_env="DEEPSEEK_API_KEY",
        base_url="https://api.deepseek.com/beta",
        continuation="prefix_flag",
        json_mode="json_object",
        no_reasoning=MappingProxyType({"thinking": {"type": "disabled"}}),
        price_id="deepseek",
        default_models={"deepseek-v4-pro": "none", "deepseek-flash": "none"},
    ),
    # https://docs.ollama.com/api/openai-compatibility: max_tokens (num_predict belongs to its native API),
    # response_format; the key is ignored. Continuation depends on the chat template of the model: None.
    "ollama": Provider(
        key_required=False,
        base_url="http://127.0.0.1:11434/v1",
        base_url_env="OLLAMA_HOST",
        default_path="/v1",
        default_port=11434,
        json_mode="json_schema",
    ),
    # https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html (extra parameters, Chat API).
    "vllm": Provider(
        api_key_env="VLLM_API_KEY",
        key_required=False,
        base_url_env="VLLM_BASE_URL",
        default_path="/v1",
        continuation="continue_final_message",
        json_mode="json_schema",
        no_reasoning=MappingProxyType({"chat_template_kwargs": {"enable_thinking": False}}),
    ),
    # https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md: response_format with a schema; a final
    # assistant message is continued by default (--prefill-assistant).
    "llamacpp": Provider(
        api_key_env="LLAMACPP_API_KEY",
        key_required=False,
        base_url="http://127.0.0.1:8080/v1",
        base_url_env="LLAMACPP_BASE_URL",
        default_path="/v1",
        continuation="prefill",
        json_mode="json_schema",
        no_reasoning=MappingProxyType({"chat_template_kwargs": {"enable_thinking": False}}),
    ),
    # https://lmstudio.ai/docs/api/openai-api, https://lmstudio.ai/docs/advanced/structured-output
    "lmstudio": Provider(
        api_key_env="LMSTUDIO_API_KEY",
        key_required=False,
        base_url="http://127.0.0.1:1234/v1",
        base_url_env="LMSTUDIO_BASE_URL",
        default_path="/v1",
        json_mode="json_schema",
    ),
    # https://docs.sglang.ai/basic_usage/openai_api_completions.html; continue_final_message:
    # https://github.com/sgl-project/sglang, examples/runtime/openai_chat_with_response_prefill.py
    "sglang": Provider(
        api_key_env="SGLANG_API_KEY",
        key_required=False,
        base_url="http://127.0.0.1:30000/v1",
        base_url_env="SGLANG_BASE_URL",
        default_path="/v1",
        continuation="continue_final_message",
        json_mode="json_schema",
        no_reasoning=MappingProxyType({"chat_template_kwargs": {"enable_thinking": False}}),
    ),
    # https://huggingface.co/docs/text-generation-inference/messages_api. Its response_format is not that of OpenAI.
    "tgi": Provider(
        api_key_env="TGI_API_KEY",
        key_required=False,
        base_url_env="TGI_BASE_URL",
        default_path="/v1",
    ),
    # Any other server: only what every OpenAI-compatible endpoint accepts.
    "openai-compatible": Provider(
        api_key_env="OPENAI_COMPATIBLE_API_KEY",
        key_required=False,
        base_url_env="OPENAI_COMPATIBLE_BASE_URL",
        default_path="/v1",
    ),
    # https://docs.mistral.ai/api/#tag/chat: max_tokens, "prefix" on a final assistant message.
    # https://docs.mistral.ai/capabilities/structured-output/custom_structured_output/
    "mistral": Provider(
        api_key_env="MISTRAL_API_KEY",
        base_url="https://api.mistral.ai/v1",
        continuation="prefix_flag",
        json_mode="json_schema",
        price_id="mistral",
        default_models={"mistral-medium-latest": None, "mistral-small-latest": None},
    ),
    # https://ai.google.dev/gemini-api/docs/openai: reasoning_effort, structured output.
    "gemini": Provider(
        api_key_env="GEMINI_API_KEY",
        other_api_key_env="GOOGLE_API_KEY",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        json_mode="json_schema",
        price_id="google",
        default_models={"gemini-flash-latest": "low"},
    ),
    # https://platform.claude.com/docs/en/api/openai-sdk: response_format and reasoning_effort are ignored.
    "claude": Provider(
        api_key_env="ANTHROPIC_API_KEY",
        base_url="https://api.anthropic.com/v1",
        price_id="anthropic",
        default_models={"claude-haiku-4-5": None},
    ),
    # https://docs.x.ai/docs/api-reference#chat-completions: max_tokens is deprecated.
    # https://docs.x.ai/docs/guides/structured-outputs
    "xai": Provider(
        api_key_env="XAI_API_KEY",
        base_url="https://api.x.ai/v1",
        limit_parameter="max_completion_tokens",
        json_mode="json_schema",
        price_id="x-ai",
    ),
    # https://docs.fireworks.ai/api-reference/post-chatcompletions,
    # https://docs.fireworks.ai/structured-responses/structured-response-formatting
    "fireworks": Provider(
        api_key_env="FIREWORKS_API_KEY",
        base_url="https://api.fireworks.ai/inference/v1",
        json_mode="json_schema",
        price_id="fireworks",
        default_models={"accounts/fireworks/models/gpt-oss-120b": "low"},
    ),
    # https://inference-docs.cerebras.ai/api-reference/chat-completions
    "cerebras": Provider(
        api_key_env="CEREBRAS_API_KEY",
        base_url="https://api.cerebras.ai/v1",
        limit_parameter="max_completion_tokens",
        json_mode="json_object",
        price_id="cerebras",
        default_models={"gpt-oss-120b": "low"},
    ),
    # https://docs.sambanova.ai/docs/en/features/openai-compatibility, .../features/function-calling (JSON mode)
    "sambanova": Provider(
        api_key_env="SAMBANOVA_API_KEY",
        base_url="https://api.sambanova.ai/v1",
        json_mode="json_object",
    ),
    # https://platform.kimi.ai/docs/overview. Its partial mode is a flag of another name: no continuation.
    "moonshot": Provider(
        api_key_env="MOONSHOT_API_KEY",
        base_url="https://api.moonshot.ai/v1",
        base_url_env="MOONSHOT_BASE_URL",
        json_mode="json_object",
        price_id="moonshotai",
    ),
    # https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope: the international
    # address; enable_thinking is a field of the body.
    "qwen": Provider(
        api_key_env="DASHSCOPE_API_KEY",
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        base_url_env="DASHSCOPE_BASE_URL",
        json_mode="json_object",
        no_reasoning=MappingProxyType({"enable_thinking": False}),
    ),
    # https://docs.z.ai/api-reference/llm/chat-completion: max_tokens, thinking.
    "zai": Provider(
        api_key_env="ZAI_API_KEY",
        base_url="https://api.z.ai/api/paas/v4",
        json_mode="json_object",
        no_reasoning=MappingProxyType({"thinking": {"type": "disabled"}}),
        price_id="zai",
    ),
    # https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle: the v1 API, without api-version; the
    # model is the name of the deployment.
    "azure": Provider(
        api_key_env="AZURE_OPENAI_API_KEY",
        base_url_env="AZURE_OPENAI_ENDPOINT",
        default_path="/openai/v1",
        limit_parameter="max_completion_tokens",
        json_mode="json_schema",
        price_id="azure",
    ),
    # https://docs.github.com/en/github-models/quickstart. What is supported depends on the model.
    "github": Provider(
        api_key_env="GITHUB_TOKEN",
        base_url="https://models.github.ai/inference",
    ),
    # https://vercel.com/docs/ai-gateway/sdks-and-apis/openai-chat-completions
    "vercel": Provider(
        api_key_env="AI_GATEWAY_API_KEY",
        base_url="https://ai-gateway.vercel.sh/v1",
        json_mode="json_object",
    ),
}

ALIASES: Mapping[str, str] = {
    "ai-gateway": "vercel",
    "alibaba": "qwen",
    "compatible": "openai-compatible",
    "dashscope": "qwen",
    "fireworks-ai": "fireworks",
    "fireworks_ai": "fireworks",
    "github-models": "github",
    "google": "gemini",
    "grok": "xai",
    "kimi": "moonshot",
    "llama-cpp": "llamacpp",
    "llama-server": "llamacpp",
    "llama.cpp": "llamacpp",
    "llama_cpp": "llamacpp",
    "lm-studio": "lmstudio",
    "lm_studio": "lmstudio",
    "moonshotai": "moonshot",
    "openai_compatible": "openai-compatible",
    "text-generation-inference": "tgi",
    "together_ai": "together",
    "togetherai": "together",
    "vercel_ai_gateway": "vercel",
    "x-ai": "xai",
    "z-ai": "zai",
    "z.ai": "zai",
}
"""Other names of the providers in `ROWS`."""

COMPATIBLE_ENDPOINTS: Mapping[str, str] = {"anthropic": "claude", "google_genai": "gemini", "mistralai": "mistral"}
"""LangChain's names of providers that are called at their OpenAI-compatible endpoint if its package is missing."""
