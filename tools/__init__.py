"""Commands for the people who work on this integration."""
