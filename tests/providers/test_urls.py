import pytest

from lightrouter_graph.errors import PoolError
from lightrouter_graph.providers.spec import parse_spec
from lightrouter_graph.providers.urls import checked_url, is_loopback


@pytest.mark.parametrize(
    "url", ["http://", "ftp://host", "host", "http://host:notaport", "http://h:99999", "http://[x"]
)
def test_an_address_needs_scheme_and_host(url):
    with pytest.raises(PoolError, match="http://host:port"):
        checked_url(url)


@pytest.mark.parametrize("url", ["http://u:hunter2@host/v1", "http://hunter2@host/v1", "http://host/v1?key=hunter2"])
def test_an_address_must_not_hold_secrets_and_they_are_not_repeated(url):
    with pytest.raises(PoolError, match="leave them out") as caught:
        checked_url(url)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(PoolError):
        parse_spec(f"vllm:m@{url}")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "http://localhost", "http://[::1]:9/v1", "http://127.9.9.9"])
def test_this_machine_is_loopback(url):
    assert is_loopback(url)


@pytest.mark.parametrize("url", ["http://10.0.0.1", "http://localhost.example.com", "http://127.0.0.1.example.com"])
def test_other_hosts_are_not(url):
    assert not is_loopback(url)
