"""Test the client against the simulated gateway, without Home Assistant."""
