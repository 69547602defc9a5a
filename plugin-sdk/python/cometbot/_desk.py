"""What stands in for the host in a native test; `cometbot.testing` sets it. For the kit alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Err(Exception):
    """The failure of a host function, as componentize-py has it."""

    def __init__(self, value: object) -> None:
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


@dataclass
class Event:
    pipe: str
    name: str
    data: str
    user_id: int | None
    time: int | None
    history: bool


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
    config: dict[str, str] = field(default_factory=dict)
    logs: dict[str, list[Event]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    refusals: list[object] = field(default_factory=list)
    sent: list[tuple[str, str, str]] = field(default_factory=list)
    wants: Wants | None = None

    def may(self, verb: str, pipe: str) -> None:
        """Raises the next refusal, or what the host says to whoever did not ask in `setup`."""
        if self.refusals:
            raise Err(self.refusals.pop(0))
        patterns = getattr(self.wants, verb) if self.wants else []
        if not any(pipe.startswith(p[:-1]) if p.endswith("*") else pipe == p for p in patterns):
            raise Err(Error_Denied(f"setup did not ask to {verb} {pipe}"))


desk = Desk()


def send(pipe: str, event: str, message: str) -> None:
    desk.may("send", pipe.removeprefix("@"))
    if "\0" in message:
        raise Err(Error_Invalid("a message has no NUL"))
    desk.sent.append((pipe, event, message))


def log(*arguments):
    """Both `comet.log(pipe, limit)` and `logging.log(level, context, message)`, which are modules of their own there."""
    if len(arguments) == 3:
        return None
    pipe, limit = arguments
    desk.may("log", pipe)
    rows = desk.logs.get(pipe, [])
    return rows[max(0, len(rows) - limit) :]


def count(pipe: str) -> int:
    desk.may("count", pipe)
    return desk.counts.get(pipe, 0)


def get(key: str) -> str | None:
    return desk.config.get(key)
