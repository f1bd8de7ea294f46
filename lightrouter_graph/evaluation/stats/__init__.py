"""Statistics of an evaluation, each with a bootstrap 95 % interval; differences are paired by question."""
