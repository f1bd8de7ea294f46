"""Every figure of an evaluation, each with its bootstrap 95 % interval; differences are paired by question."""
