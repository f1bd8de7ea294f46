"""Model names: one model under different names is recognized, and different models never are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightrouter_graph.providers.model_names import identity_of_name

ONE_MODEL = [
    ("openai/gpt-4o", " GPT-4o "),
    ("gpt-4o", "gpt-4o-2024-08-06"),
    ("gpt-4o-20240806", "gpt-4o-2024-08-06"),
    ("llama3.1:latest", "llama3.1"),
    ("claude-3-5-sonnet-latest", "anthropic/claude-3.5-sonnet"),
    ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet-20241022"),
    ("claude-3-opus@20240229", "publishers/anthropic/models/claude-3-opus"),
    ("accounts/fireworks/models/llama-v3p1-8b-instruct", "meta-llama/Meta-Llama-3.1-8B-Instruct"),
    ("meta.llama3-1-8b-instruct-v1:0", "meta-llama/llama-3.1-8b-instruct:free"),
    ("unsloth/Qwen2.5-7B-Instruct-GGUF:Q4_K_M", "Qwen/Qwen2.5-7B-Instruct"),
    ("/models/qwen2.5-7b-instruct-q8_0.gguf", "hf.co/Qwen/Qwen2.5-7B-Instruct-AWQ"),
    ("C:\\weights\\Phi-4.Q5_K_S.gguf", "microsoft/phi-4"),
    ("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
    ("mistral-small-latest", "mistral-small-2506"),
    ("models/gemini-2.5-flash", "google/gemini-2.5-flash"),
    ("accounts/fireworks/models/deepseek-v3p1", "deepseek-ai/DeepSeek-V3.1"),
    ("someone/own-tune", "Someone/Own-Tune"),
]

DIFFERENT = [
    ("llama3.1:8b", "llama3.1:70b"),
    ("gpt-4o", "gpt-4o-mini"),
    ("gpt-4-turbo", "gpt-4"),
    ("gpt-3.5-turbo", "gpt-3.5-turbo-instruct"),
    ("o3", "o3-mini"),
    ("meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B-Instruct"),
    ("google/gemma-3-27b-pt", "google/gemma-3-27b-it"),
    ("llama3.1:8b", "meta-llama/Llama-3.1-8B"),
    ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06"),
    ("deepseek-r1", "deepseek-r1-0528"),
    ("deepseek-r1:7b", "deepseek-r1:8b"),
    ("qwen3-235b-a22b", "qwen3-235b-a22b-2507"),
    ("mistral-small-2409", "mistral-small-2501"),
    ("mistral.mistral-7b-instruct-v0:2", "mistralai/Mistral-7B-Instruct-v0.3"),
    ("user1/support-bot", "user2/support-bot"),
    ("gemini-1.5-pro-001", "gemini-1.5-pro-002"),
    ("claude-3.5-sonnet", "claude-3-sonnet"),
    ("claude-opus-4-20250514", "claude-opus-4-1-20250805"),
    ("qwen3:4b", "qwen3:4b-thinking"),
    ("ft:gpt-4o-mini-2024-07-18:acme::x1", "gpt-4o-mini-2024-07-18"),
    ("anthropic/claude-3.7-sonnet:thinking", "anthropic/claude-3.7-sonnet"),
    ("anthropic.claude-v2:1", "anthropic.claude-v2"),
]


@pytest.mark.parametrize(("one", "other"), ONE_MODEL)
def test_names_of_one_model_are_the_same(one, other):
    assert identity_of_name(one).is_same(identity_of_name(other))
    assert identity_of_name(other).is_same(identity_of_name(one))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_names_of_different_models_are_not_the_same(one, other):
    assert not identity_of_name(one).is_same(identity_of_name(other))
    assert not identity_of_name(other).is_same(identity_of_name(one))


@pytest.mark.parametrize("name", ["default", "local-model", "models/default", "llama.cpp", "tgi", "", " "])
def test_a_placeholder_names_no_model(name):
    assert identity_of_name(name) is None


@given(st.text(max_size=300))
def test_any_text_has_one_identity(name):
    identity = identity_of_name(name)
    assert identity is None or (identity.base and identity.is_same(identity))
