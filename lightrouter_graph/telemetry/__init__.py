"""Events, traces and the bill of a run."""
