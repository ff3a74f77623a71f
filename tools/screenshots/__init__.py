"""Take the screenshots of the docs from a real Home Assistant."""
