"""`scripts/bench`: measured figures, ours beside others', in one run on one machine."""
