"""reviewbot: every bad review of a government service becomes a case that runs until it is closed."""

__version__ = "0.1.0"
