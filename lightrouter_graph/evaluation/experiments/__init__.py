"""The experiments: the main table, the paper's ablations, and the three checks it leaves undone."""
