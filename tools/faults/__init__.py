"""A dozen faults at real scale: core's integration and ours, each in a real Home Assistant with its own gateway."""
