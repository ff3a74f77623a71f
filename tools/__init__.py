"""Commands for developers of this integration."""
