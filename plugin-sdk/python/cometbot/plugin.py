"""What you write, and what makes a plugin of it."""

from __future__ import annotations

import logging
import traceback

from . import _host
from .comet import CometError
from .event import Event
from .wants import Wants


class PluginError(Exception):
    """A failure in your own words: they are all that the log shows of it."""


class Plugin:
    """One instance of a plugin, with the memory that it keeps from event to event.

    The host makes a new one at the start, at a reload, and after a trap or a deadline: the old one is thrown away then.
    An exception costs only its event.
    """

    def setup(self) -> Wants:
        """Says what the plugin wants. Called once, before the first event. An exception keeps it from running."""
        raise NotImplementedError("a plugin says in setup what it wants to hear")

    def handle(self, event: Event) -> None:
        """Handles one event. Events come in order and one at a time. Nothing is sent for one that raises an exception."""


def export(plugin: type[Plugin]) -> type:
    """Makes of a class what componentize-py looks for: write `WitWorld = export(YourPlugin)` in plugin.py."""

    # The class below is made anew for each call.
    instance: Plugin | None = None

    class WitWorld:
        def setup(self) -> object:
            nonlocal instance
            _log_to_host()
            try:
                instance = plugin()
                return _to_host(instance.setup())
            except Exception as error:
                raise _host.Err(_words(error)) from None

        def handle(self, event: object) -> None:
            try:
                instance.handle(
                    Event(event.pipe, event.name, event.data, event.user_id, event.time, event.history)
                )
            except Exception as error:
                raise _host.Err(_words(error)) from None

    return WitWorld


def _to_host(wants: Wants) -> object:
    hear = [_host.types.Hearing(pipe, events) for pipe, events in wants.hearings]
    return _host.types.Wants(wants.version, hear, wants.sends, wants.logs, wants.counts)


def _words(error: BaseException) -> str:
    """The exception in one line: what, and where in the plugin's own source."""
    if isinstance(error, PluginError | CometError):
        return _readable(str(error))
    frames = traceback.extract_tb(error.__traceback__)
    place = next((frame for frame in reversed(frames) if "cometbot" not in frame.filename.split("/")), None)
    where = f" ({place.filename.rsplit('/', 1)[-1]}:{place.lineno}, in {place.name})" if place else ""
    return _readable(f"{type(error).__name__}: {error}{where}")


def _readable(text: str) -> str:
    """The host takes whole characters only."""
    return text.encode("utf-8", "replace").decode()


class _HostHandler(logging.Handler):
    """Writes records into the host's log, which decides what of it is shown."""

    def emit(self, record: logging.LogRecord) -> None:
        context = "" if record.name == "root" else record.name
        _host.logging.log(_level(record.levelno), context, _readable(self.format(record)))


def _level(number: int) -> object:
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


def _log_to_host() -> None:
    root = logging.getLogger()
    if not any(isinstance(handler, _HostHandler) for handler in root.handlers):
        root.addHandler(_HostHandler())
        root.setLevel(1)
