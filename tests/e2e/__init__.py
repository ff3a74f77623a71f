"""End-to-end tests: a real Home Assistant in its own process, and a gateway on a port."""
