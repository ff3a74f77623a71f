"""A gateway and a real Home Assistant with the integration, in one command."""
