"""The provider table and `register_provider`."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from lightrouter_graph import Candidate, Pool, PoolError, register_provider
from lightrouter_graph.pool.toml_file import read_pool_file
from lightrouter_graph.providers.known import ALIASES
from lightrouter_graph.providers.table import PROVIDERS, Provider, ProviderTable

KEY = "sk-verysecretvalue42"
URL = "https://api.acme.example/v1"


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_built_in_provider_is_complete(name):
    row = PROVIDERS[name]
    assert row.base_url or row.base_url_env
    assert row.api_key_env or not row.key_required
    assert not row.default_models or (row.key_required and row.price_id)
    assert row.key_required or row.default_path
    assert ALIASES.keys().isdisjoint(PROVIDERS)


# registered providers --------------------------------------------------------------------------------------


def test_a_registered_provider_is_called_like_a_built_in_one():
    register_provider("acme-1", base_url=f"{URL}/", limit_parameter="max_completion_tokens")
    [candidate] = Pool(["Acme-1:org/model"])
    client = candidate.model.root_async_client
    assert (str(client.base_url), client.api_key) == (f"{URL}/", "none-needed")
    assert (candidate.provider, candidate.model_name) == ("acme-1", "org/model")
    assert (candidate.limit_parameter, candidate.continuation, candidate.json_mode) == (
        "max_completion_tokens",
        None,
        None,
    )


def test_a_candidate_has_the_registered_facts():
    register_provider("acme-2", base_url=URL, continuation="prefix_flag", json_mode="json_object")
    candidate = Candidate("a", "acme-2:m", price=(1, 2))
    assert (candidate.continuation, candidate.json_mode) == ("prefix_flag", "json_object")


def test_a_registered_provider_works_in_a_pool_file(tmp_path):
    register_provider("acme-3", base_url=URL, api_key_env="ACME_KEY")
    path = tmp_path / "pool.toml"
    path.write_text('[[candidate]]\nmodel = "acme-3:m"\n')
    [candidate] = read_pool_file(path, {"ACME_KEY": KEY})
    assert candidate.model.root_async_client.api_key == KEY
    with pytest.raises(PoolError, match="set the environment variable ACME_KEY"):
        read_pool_file(path, {})


def test_a_pool_file_cannot_send_its_key_elsewhere(tmp_path):
    register_provider("acme-4", base_url=URL, api_key_env="ACME_KEY")
    path = tmp_path / "pool.toml"
    path.write_text('[[candidate]]\nmodel = "acme-4:m@https://elsewhere.example/v1"\n')
    with pytest.raises(PoolError, match=r"the key in ACME_KEY would be sent to 'elsewhere\.example'"):
        read_pool_file(path, {"ACME_KEY": KEY})


def test_reasoning_is_switched_off_by_the_registered_fields():
    fields = {"thinking": {"type": "disabled"}}
    register_provider("acme-5", base_url=URL, no_reasoning=fields)
    fields["thinking"] = {}
    assert PROVIDERS["acme-5"].no_reasoning == {"thinking": {"type": "disabled"}}


def test_the_same_registration_twice_has_no_effect():
    register_provider("acme-6", base_url=URL)
    register_provider("ACME-6", base_url=URL)
    with pytest.raises(PoolError, match="'acme-6' is registered with other settings; choose another name"):
        register_provider("acme-6", base_url=f"{URL}2")


@pytest.mark.parametrize("name", ["openai", "Ollama", "mistral", "LM-Studio"])
def test_a_built_in_name_is_taken(name):
    with pytest.raises(PoolError, match="is registered"):
        register_provider(name, base_url=URL)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a@b", "a/b", "1a", "pocket", "x" * 99, None, 3])
def test_a_name_must_be_usable_as_a_prefix(name):
    with pytest.raises(PoolError, match="a name has letters"):
        register_provider(name, base_url=URL)


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("base_url", "api.acme.example/v1", "base_url: address 'api.acme.example/v1' is not of the form http://"),
        ("base_url", None, "base_url: address 'None' is not of the form http://"),
        ("base_url", f"https://me:{KEY}@host/v1", "leave them out"),
        ("api_key_env", KEY, "api_key_env must be the name of an environment variable such as 'ACME_API_KEY'"),
        ("limit_parameter", "max_token", r"got 'max_token' \(did you mean 'max_tokens'\?\)"),
        ("continuation", "prefil", r"one of .*None, got 'prefil' \(did you mean 'prefill'\?\)"),
        ("json_mode", True, "json_mode must be one of 'json_schema', 'json_object', None, got True"),
        ("no_reasoning", "off", "no_reasoning must be a dict of request fields or None, got str"),
    ],
)
def test_an_option_that_is_not_allowed_is_named(option, value, why):
    with pytest.raises(PoolError, match=why) as caught:
        register_provider("acme-7", **{"base_url": URL, option: value})
    assert str(caught.value).startswith("register_provider('acme-7'): ")
    assert KEY not in str(caught.value)
    assert "acme-7" not in PROVIDERS


def test_the_table_can_be_read_while_threads_add_to_it():
    table = ProviderTable({})
    with ThreadPoolExecutor(8) as threads:
        added = [threads.submit(table.add, f"p{number}", Provider()) for number in range(200)]
        for _ in range(200):
            assert len(list(table.items())) <= 200
        for future in added:
            future.result()
    assert len(table) == 200
