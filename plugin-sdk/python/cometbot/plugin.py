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
    Over a reload `save` and `restore` carry its memory. An exception costs only its event.
    """

    @abstractmethod
    def setup(self) -> Wants:
        """Says what the plugin wants. Called once, before the first event. An exception keeps it from running."""

    @abstractmethod
    def handle(self, event: Event) -> None:
        """Handles one event. Events come in order and one at a time. Nothing is sent for one that raises an exception."""

    def save(self) -> bytes:
        """Hands over what the next version shall know when it takes over, in a form that it will understand.

        Called between two events, and nothing can be sent; this instance goes on as it is if the next one does not take
        over. By default it is nothing. An exception keeps the next version from taking over.
        """
        return b""

    def restore(self, state: bytes) -> None:
        """Takes what an earlier version saved: after `setup`, before the first event, and only if there is something.

        By default it is let go. An exception keeps this version from taking over, and the earlier one goes on.
        """


def export(plugin: type[Plugin]) -> type:
    """Makes of a class what componentize-py looks for: write `WitWorld = export(YourPlugin)` in plugin.py.

    Raises `TypeError`, and so ends the build, if the class cannot be a plugin.
    """
    missing: frozenset[str] = getattr(plugin, "__abstractmethods__", frozenset())
    if missing:
        raise TypeError(f"{plugin.__name__} lacks {' and '.join(sorted(missing))}")
    for method in (plugin.setup, plugin.handle, plugin.save, plugin.restore):
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
                running().handle(Event(event.pipe, event.name, event.data, event.user_id, event.time, event.history))
            # SystemExit as well: left alone it would end the instance, and the log would not say why.
            except BaseException as error:
                _fail(error)

        def save(self) -> bytes:
            try:
                return saved(running())
            except BaseException as error:
                _fail(error)

        def restore(self, state: bytes) -> None:
            try:
                running().restore(state)
            except BaseException as error:
                _fail(error)

    def running() -> Plugin:
        if instance is None:
            raise PluginError("a call came before setup: the host must call setup first")
        return instance

    return WitWorld


def saved(plugin: Plugin) -> bytes:
    """What a plugin saves, if the host can take that. For the kit alone."""
    state = plugin.save()
    if not isinstance(state, (bytes, bytearray)):
        raise TypeError(f"save must return bytes, not {type(state).__name__}: a text has encode()")
    return bytes(state)


def to_host(wants: Wants) -> Any:
    """What the plugin wants, as the contract has it. For the kit alone."""
    if not isinstance(wants, Wants):
        raise TypeError(f"setup must return Wants, not {type(wants).__name__}")
    hear = [_host.types.Hearing(pipe, events) for pipe, events in wants.hearings]
    return _host.types.Wants(wants.version, hear, wants.sends, wants.logs, wants.counts)


def _fail(error: BaseException) -> NoReturn:
    raise _host.Err(_words.of(error)) from None
