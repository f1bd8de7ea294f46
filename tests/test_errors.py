"""The exceptions a user can meet."""

import pickle

from lightrouter_graph import NoSurvivorError


def test_who_failed_survives_the_way_out_of_a_worker_process():
    error = NoSurvivorError(layer=2, failures={"a": "timeout: no reply"})
    again = pickle.loads(pickle.dumps(error))
    assert (again.layer, again.failures, str(again)) == (2, error.failures, str(error))
