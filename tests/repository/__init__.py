"""Tests of the repository itself: architecture, docs, translations, release."""
