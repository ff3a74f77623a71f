"""Home Assistant's frontend in a real browser, as an owner uses it. `scripts/test --browser` runs these tests."""
