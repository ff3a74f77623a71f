"""Requests that are signed with a key registered at Tesla."""
