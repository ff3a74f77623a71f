"""Other people's programs take the simulated gateway for a real one."""
