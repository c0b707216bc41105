"""The doors of the simulated platform: what it offers to programs, to phones and at its console."""
