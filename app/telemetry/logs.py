"""Structured logs on standard error: one event, its keys, no free text that could forge a second line."""

import logging
import sys
from typing import Literal

import structlog


def configure(log_format: Literal["console", "json"]) -> None:
    """Set up logging for this process; whatever comes from outside is escaped by the renderer."""
    render: structlog.typing.Processor
    if log_format == "json":
        render = structlog.processors.JSONRenderer()
    else:
        # key=value with repr: a line break in a branch name stays `\\n`
        render = structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            render,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)r")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # it sets itself to INFO otherwise


def get() -> structlog.typing.FilteringBoundLogger:
    """The logger. Bind context with `structlog.contextvars.bound_contextvars`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger
