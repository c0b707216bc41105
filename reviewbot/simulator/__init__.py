"""A demonstration city, invented citizens and a faithful stand-in for WeCom."""
