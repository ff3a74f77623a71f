"""`scripts/test --kill`: kill a real Home Assistant at every effect of a login, a write and a stop."""
