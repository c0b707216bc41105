"""Loads Starlette's test client once, before warnings count as errors."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have httpx2 than the httpx the project develops with
    import starlette.testclient  # noqa: F401
