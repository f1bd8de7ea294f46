"""Exceptions support pickle."""

import copy
import pickle

import pytest
from langchain_core.messages import AIMessage

from lightrouter_graph import Candidate, ChatLightRouter, NoSurvivorError, Pool, errors
from lightrouter_graph.testing import ScriptedChatModel


def test_the_failures_support_pickle():
    error = NoSurvivorError(layer=2, failures={"a": "timeout: no reply"})
    again = pickle.loads(pickle.dumps(error))
    assert (again.layer, again.failures, str(again)) == (2, error.failures, str(error))


SPECIAL = {
    "NoSurvivorError": {"layer": 2, "failures": {"a": "timeout: no reply"}, "bill": {"usd": 0.1}},
    "BudgetError": {"problem": "too little", "needed": {"usd": 1.0}, "left": {"usd": 0.1}, "scope": "thread"},
    "BrokenStreamError": {"answer": AIMessage("4")},
}
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.LightRouterError)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("copied", [lambda error: pickle.loads(pickle.dumps(error)), copy.deepcopy])
def test_every_error_can_be_copied(kind, copied):
    error = kind(**SPECIAL[kind.__name__]) if kind.__name__ in SPECIAL else kind("the problem")
    again = copied(error)
    assert (type(again), str(again), vars(again)) == (kind, str(error), vars(error))


def test_pools_and_chat_models_can_be_deep_copied():
    pool = Pool([Candidate("a", ScriptedChatModel(responses="4")), Candidate("b", "vllm:m@http://127.0.0.1:1/v1")])
    again = copy.deepcopy(ChatLightRouter(pool=pool, top_k=1))
    assert again.context.top_k == 1
    assert [candidate.name for candidate in copy.deepcopy(pool)] == ["a", "b"]
    assert again.pool["b"] is pool["b"]
