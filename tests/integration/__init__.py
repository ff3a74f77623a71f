"""Test the integration in Home Assistant, against the simulated gateway."""
