"""Calls of chat models: request, retries, streaming, completion and failures."""
