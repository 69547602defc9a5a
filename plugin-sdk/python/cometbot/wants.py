"""Saying what a plugin wants."""

from __future__ import annotations

from . import _host


class Wants:
    """What a plugin wants: the answer of `setup`.

    In `send`, `log` and `count` a name is a pipe's whole name, or a beginning followed by `*`: `web_*` is every pipe that
    starts with `web_`. What is not named is refused when it is tried. `version` is the plugin's own, for people.
    """

    def __init__(self, version: str = "") -> None:
        self.version = _host.text(version, "the version")
        self.hearings: list[tuple[str, list[str]]] = []
        self.sends: list[str] = []
        self.logs: list[str] = []
        self.counts: list[str] = []

    def hear(self, pipe: str, *events: str) -> Wants:
        """Hears these events of a pipe; all of them if none is named. `host:gap` is the pipe of gaps."""
        self.hearings.append((_host.text(pipe, "a pipe in hear"), [_host.text(it, "an event in hear") for it in events]))
        return self

    def send(self, *pipes: str) -> Wants:
        """Sends to these pipes."""
        self.sends += [_host.text(pipe, "a pipe in send") for pipe in pipes]
        return self

    def log(self, *pipes: str) -> Wants:
        """Reads the logs of these pipes."""
        self.logs += [_host.text(pipe, "a pipe in log") for pipe in pipes]
        return self

    def count(self, *pipes: str) -> Wants:
        """Counts the subscribers of these pipes."""
        self.counts += [_host.text(pipe, "a pipe in count") for pipe in pipes]
        return self
