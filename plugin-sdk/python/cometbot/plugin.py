"""What you write, and what makes a plugin of it."""

from __future__ import annotations

import importlib
import inspect
from abc import ABC, abstractmethod
from typing import Any, NoReturn

from . import _host, _log, _words
from .event import Event
from .wants import Wants

#: What the standard library imports only when it is needed, which is too late in a built plugin: for `strptime`, for
#: tracebacks in the log, and for the names of encodings.
_LOADED_LATE = (
    "_strptime",
    "tokenize",
    "traceback",
    "encodings.ascii",
    "encodings.cp1251",
    "encodings.cp866",
    "encodings.idna",
    "encodings.koi8_r",
    "encodings.latin_1",
    "encodings.punycode",
    "encodings.utf_16",
    "encodings.utf_8_sig",
)


class PluginError(_words.Plain):
    """A failure in your own words: they are all that the log shows of it."""


class Plugin(ABC):
    """One instance of a plugin, with the memory that it keeps from event to event.

    The host makes a new one at the start, at a reload, and after a trap or a deadline: the old one is thrown away then.
    An exception costs only its event.
    """

    @abstractmethod
    def setup(self) -> Wants:
        """Says what the plugin wants. Called once, before the first event. An exception keeps it from running."""

    @abstractmethod
    def handle(self, event: Event) -> None:
        """Handles one event. Events come in order and one at a time. Nothing is sent for one that raises an exception."""


def export(plugin: type[Plugin]) -> type:
    """Makes of a class what componentize-py looks for: write `WitWorld = export(YourPlugin)` in plugin.py.

    Raises `TypeError`, and so ends the build, if the class cannot be a plugin.
    """
    missing: frozenset[str] = getattr(plugin, "__abstractmethods__", frozenset())
    if missing:
        raise TypeError(f"{plugin.__name__} lacks {' and '.join(sorted(missing))}")
    for method in (plugin.setup, plugin.handle):
        if inspect.iscoroutinefunction(method):
            raise TypeError(f"{plugin.__name__}.{method.__name__} must not be async: nothing would wait for it")
    if not _host.IS_NATIVE:
        for module in _LOADED_LATE:
            importlib.import_module(module)

    # The class below is made anew for each call.
    instance: Plugin | None = None

    class WitWorld:
        def setup(self) -> Any:
            nonlocal instance
            _host.answers_from_now_on()
            _log.to_host()
            try:
                instance = plugin()
                return to_host(instance.setup())
            except BaseException as error:
                _fail(error)

        def handle(self, event: Any) -> None:
            try:
                if instance is None:
                    raise PluginError("an event came before setup: the host must call setup first")
                instance.handle(Event(event.pipe, event.name, event.data, event.user_id, event.time, event.history))
            # SystemExit as well: left alone it would end the instance, and the log would not say why.
            except BaseException as error:
                _fail(error)

    return WitWorld


def to_host(wants: Wants) -> Any:
    """What the plugin wants, as the contract has it. For the kit alone."""
    if not isinstance(wants, Wants):
        raise TypeError(f"setup must return Wants, not {type(wants).__name__}")
    hear = [_host.types.Hearing(pipe, events) for pipe, events in wants.hearings]
    return _host.types.Wants(wants.version, hear, wants.sends, wants.logs, wants.counts)


def _fail(error: BaseException) -> NoReturn:
    raise _host.Err(_words.of(error)) from None
