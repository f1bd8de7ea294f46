"""Exceptions support pickle."""

import pickle

from lightrouter_graph import NoSurvivorError


def test_the_failures_support_pickle():
    error = NoSurvivorError(layer=2, failures={"a": "timeout: no reply"})
    again = pickle.loads(pickle.dumps(error))
    assert (again.layer, again.failures, str(again)) == (2, error.failures, str(error))
