"""Tests, by the rooms of the package that they test."""
