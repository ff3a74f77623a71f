"""Requests that are signed with a key that is registered at the gateway."""
