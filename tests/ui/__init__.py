"""In a real browser: what an owner does at the pages of a real Home Assistant. `scripts/test --browser` runs it."""
