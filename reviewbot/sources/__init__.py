"""A provincial record in, a typed review or a stated reason out."""
