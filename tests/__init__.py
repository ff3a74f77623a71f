"""Tests: the real client, real sockets, the simulated gateway, the real Home Assistant."""
