"""`scripts/soak`: hours of random faults against a real Home Assistant, and whether anything of it stays."""
