"""Provider facts, model specs, prices, and the construction of chat models."""
