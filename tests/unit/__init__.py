"""Tests of single modules that need neither a gateway nor Home Assistant."""
