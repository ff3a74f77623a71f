"""`scripts/test --kill`: Home Assistant, a real process, is killed at every effect of a login, a write and a stop."""
