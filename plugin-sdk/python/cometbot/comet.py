"""What a plugin can ask of the comet server. What `setup` did not ask for is refused: `CometError` of kind `denied`."""

from __future__ import annotations

import operator
from typing import Any, Literal

from . import _host, _words
from .event import Event

#: The most events that `log` gives.
LOG_MAX_EVENTS = 99

Kind = Literal["invalid", "denied", "unavailable", "timed-out"]

_KINDS: dict[str, Kind] = {
    "Error_Invalid": "invalid",
    "Error_Denied": "denied",
    "Error_Unavailable": "unavailable",
    "Error_TimedOut": "timed-out",
}


class CometError(_words.Plain):
    """Why something was not done.

    `kind` is what a program can rely on: `invalid` (the server could not take it), `denied` (not asked for in `setup`, or
    not granted), `unavailable` (no connection, or too much waits: later may help), `timed-out` (no answer in time). The
    text is for people and says what to change.
    """

    def __init__(self, kind: Kind, words: str) -> None:
        super().__init__(words)
        self.kind: Kind = kind
        self.words = words


def send(pipe: str, event: str, message: str) -> None:
    """Sends an event into a pipe.

    `pipe` starts with `web_`, with `webauth_` (the bot must be logged in), or with `@web_` (sent anonymously); `event` has
    at most 64 characters of `A-Z a-z 0-9 _ -`. All sends of one event leave together when `handle` returns, and none of
    them if it fails. Done means that the send will leave, not that the server has it. While there is no connection it
    waits. If the connection breaks before the server has answered, it is sent again and may arrive twice; or, if the
    operator wants that, it is not and may be missing.

    Raises `CometError`.
    """
    pipe, event, message = _text(pipe, "the pipe"), _text(event, "the event"), _text(message, "the message")
    _ask(_host.comet.send, pipe, event, message)


def log(pipe: str, limit: int = LOG_MAX_EVENTS) -> list[Event]:
    """The newest events in a pipe's log, oldest first: at most `limit`, and never more than `LOG_MAX_EVENTS`.

    A pipe has a log only where the server's operator switched it on; without one this is empty.

    Raises `CometError`; `ValueError` for a negative limit.
    """
    limit = operator.index(limit)
    if limit < 0:
        raise ValueError(f"the limit must be 0 or more, not {limit}")
    rows = _ask(_host.comet.log, _text(pipe, "the pipe"), min(limit, LOG_MAX_EVENTS))
    return [Event(row.pipe, row.name, row.data, row.user_id, row.time, row.history) for row in rows]


def count(pipe: str) -> int:
    """How many connections subscribe to a pipe (`web_…` or `track_…`), the bot's own among them.

    Raises `CometError`.
    """
    subscribers: int = _ask(_host.comet.count, _text(pipe, "the pipe"))
    return subscribers


def _ask(function: Any, *arguments: object) -> Any:
    _host.must_answer()
    try:
        return function(*arguments)
    except _host.Err as error:
        value = error.value
        words = getattr(value, "value", "the comet server did not answer in time")
        raise CometError(_KINDS[type(value).__name__], words) from None


def _text(value: object, what: str) -> str:
    try:
        return _host.text(value, what)
    except ValueError as error:
        raise CometError("invalid", str(error)) from None
