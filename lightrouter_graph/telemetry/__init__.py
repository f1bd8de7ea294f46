"""Custom stream events, trace metadata and the bill of a run."""
