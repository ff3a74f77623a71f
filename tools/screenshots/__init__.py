"""Takes the documentation's pictures of a real Home Assistant."""
