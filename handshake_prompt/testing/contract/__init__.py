"""Tests of a store's promises, by subject."""
