"""Tests of the scripts and test helpers."""
