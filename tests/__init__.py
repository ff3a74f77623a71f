"""Tests with the real client, real sockets, the simulated gateway, and the real Home Assistant."""
