"""Budget planning: the worst-case cost of a run, and the degradations that keep it within the remaining budget."""
