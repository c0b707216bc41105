"""Rows: what the moves leave behind."""
