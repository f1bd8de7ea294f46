"""Chat models for evaluations: recorded ones that play in virtual time, live ones whose calls are kept."""
