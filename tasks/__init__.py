"""Celery tasks: they ring an action with ids and commit; the worker is ``celery -A tasks worker``."""

from tasks.app import app

__all__ = ["app"]
