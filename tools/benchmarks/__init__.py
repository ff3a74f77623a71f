"""`scripts/bench`: benchmarks of this integration and the built-in one, in one run on one machine."""
