"""Stop the Powerwall safely: whatever is stopped is started again, also after a crash."""
