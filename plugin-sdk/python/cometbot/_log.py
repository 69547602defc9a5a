"""Brings Python's own `logging` into the bot's log, which decides what of it is shown. For the kit alone."""

from __future__ import annotations

import logging
from typing import Any

from . import _host


def to_host() -> None:
    """Lets every logger of the plugin write into the bot's log."""
    root = logging.getLogger()
    if not any(isinstance(handler, _HostHandler) for handler in root.handlers):
        root.addHandler(_HostHandler())
        root.setLevel(1)


class _HostHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            context = "" if record.name == "root" else record.name
            _host.logging.log(_level(record.levelno), _host.readable(context), _host.readable(self.format(record)))
        except Exception:
            # As in every handler: a line that cannot be written is told on standard error, and costs no event.
            self.handleError(record)


def _level(number: int) -> Any:
    levels = _host.logging.Level
    for least, level in (
        (logging.CRITICAL, levels.CRITICAL),
        (logging.ERROR, levels.ERROR),
        (logging.WARNING, levels.WARN),
        (logging.INFO, levels.INFO),
        (logging.DEBUG, levels.DEBUG),
    ):
        if number >= least:
            return level
    return levels.TRACE
