"""Everything a gateway can do wrong, at every endpoint: what it costs, and that nothing of it lasts."""
