"""The ASGI edge: intake, WeCom callback, API and pages."""
