"""End to end: a real Home Assistant in a process of its own, and a gateway on a port."""
