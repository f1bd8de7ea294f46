"""Which timeouts count as failures of the endpoint."""

import pytest
from helpers import scripted

from lightrouter_graph.context import Calls
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.client import complete
from lightrouter_graph.llm.timeouts import is_endpoint_failure, operator_limits
from lightrouter_graph.testing import Reply


@pytest.mark.parametrize(("timeout_s", "counts"), [(0.001, False), (9.9, False), (10, True), (300, True)])
def test_without_an_operator_a_limit_of_ten_seconds_counts(timeout_s, counts):
    assert is_endpoint_failure("generate", timeout_s) is counts


@pytest.mark.parametrize(
    ("stage", "timeout_s", "counts"),
    [("boot", 59, False), ("boot", 60, True), ("generate", 60, False), ("generate", 300, True), ("select", 60, False)],
)
def test_a_limit_below_the_operators_does_not_count(stage, timeout_s, counts):
    with operator_limits(Calls()):
        assert is_endpoint_failure(stage, timeout_s) is counts


async def tried(limit_s, operator, times=6):
    """Call a silent model several times; return the last failure and the number of calls that were sent."""
    [silent] = scripted(a=Reply("", hang=True))
    call = Call(stage="boot", layer=1, timeout_s=limit_s)
    with operator_limits(operator):
        for _ in range(times):
            completion = await complete(silent, [], call)
    return completion.failure["cause"], len(silent.model.calls)


async def test_short_limits_of_a_client_open_no_breaker():
    assert await tried(0.01, Calls()) == ("timeout", 6)


async def test_the_operators_own_limit_opens_the_breaker():
    assert await tried(0.01, Calls(boot_timeout_s=0.01)) == ("unavailable", 5)
