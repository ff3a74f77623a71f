"""Other projects' clients work with the simulated gateway as with a real one."""
