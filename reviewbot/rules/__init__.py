"""Decisions: pure functions on facts, no clock, no input or output."""
