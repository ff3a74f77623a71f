"""Malformed responses against the client."""
