"""Rows: what the moves leave behind. Importing the room loads every table."""

from reviewbot.models import case, contacts, message, oversight, people, policy, procedure, rater, review

__all__ = ["case", "contacts", "message", "oversight", "people", "policy", "procedure", "rater", "review"]
