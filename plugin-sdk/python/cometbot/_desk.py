"""What stands in for the host in a native test; `cometbot.testing` sets it. For the kit alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Union

from .event import Event


class Err(Exception):
    """The failure of a host function, as componentize-py has it."""

    def __init__(self, value: Error) -> None:
        super().__init__(value)
        self.value = value


@dataclass
class Error_Invalid:
    value: str


@dataclass
class Error_Denied:
    value: str


@dataclass
class Error_Unavailable:
    value: str


@dataclass
class Error_TimedOut:
    pass


Error = Union[Error_Invalid, Error_Denied, Error_Unavailable, Error_TimedOut]


@dataclass
class Hearing:
    pipe: str
    events: list[str]


@dataclass
class Wants:
    version: str
    hear: list[Hearing]
    send: list[str]
    log: list[str]
    count: list[str]


class Level(Enum):
    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4
    CRITICAL = 5


@dataclass
class Desk:
    """What the host knows and is told, in one test."""

    config: dict[str, str] = field(default_factory=dict)
    logs: dict[str, list[Event]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    refusals: list[Error] = field(default_factory=list)
    sent: list[tuple[str, str, str]] = field(default_factory=list)
    wants: Wants | None = None

    def may(self, verb: str, pipe: str) -> None:
        """Raises the next refusal, or what the host says to whoever did not ask in `setup`."""
        if self.refusals:
            raise Err(self.refusals.pop(0))
        patterns = getattr(self.wants, verb) if self.wants else []
        if not any(pipe.startswith(p[:-1]) if p.endswith("*") else pipe == p for p in patterns):
            raise Err(Error_Denied(f"`setup` did not ask to {verb} in the pipe {pipe}: name it in the list `{verb}`"))


desk = Desk()


def begin(new: Desk) -> None:
    """Puts a new desk in the place of the last test's."""
    global desk
    desk = new


def send(pipe: str, event: str, message: str) -> None:
    desk.may("send", pipe.removeprefix("@"))
    if "\0" in message:
        raise Err(Error_Invalid("a message has no NUL"))
    desk.sent.append((pipe, event, message))


def log(*arguments: Any) -> list[Event]:
    """Both `comet.log(pipe, limit)` and `logging.log(level, context, message)`, which are modules of their own there."""
    if len(arguments) == 3:
        return []
    pipe, limit = arguments
    desk.may("log", pipe)
    rows = desk.logs.get(pipe, [])
    return rows[max(0, len(rows) - limit) :]


def count(pipe: str) -> int:
    desk.may("count", pipe)
    return desk.counts.get(pipe, 0)


def get(key: str) -> str | None:
    return desk.config.get(key)
