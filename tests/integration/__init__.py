"""The integration in Home Assistant, against the simulated gateway."""
