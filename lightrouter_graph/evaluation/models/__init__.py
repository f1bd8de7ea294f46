"""Chat models for evaluations: replay models in virtual time, and live models with a cassette."""
