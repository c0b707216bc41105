"""Every SELECT, with a name."""
