"""Everything a gateway can do wrong, at every endpoint and as a whole: what it costs, and that nothing of it lasts."""
