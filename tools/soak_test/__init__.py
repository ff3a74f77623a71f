"""`scripts/soak`: hours of random faults in a real Home Assistant, and whether anything grows or does not recover."""
