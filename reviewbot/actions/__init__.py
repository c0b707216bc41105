"""One file, one verb, one transaction: nothing here commits."""
