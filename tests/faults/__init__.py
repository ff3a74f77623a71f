"""Every fault on every endpoint, in Home Assistant: what is lost meanwhile, and that nothing of it stays."""
