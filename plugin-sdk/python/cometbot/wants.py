"""Saying what a plugin wants."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Wants:
    """What a plugin wants: the answer of `setup`.

    In `send`, `log` and `count` a name is a pipe's whole name, or a beginning followed by `*`: `web_*` is every pipe that
    starts with `web_`. What is not named is refused when it is tried. `version` is the plugin's own, for people.
    """

    version: str = ""
    hearings: list[tuple[str, list[str]]] = field(default_factory=list)
    sends: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    counts: list[str] = field(default_factory=list)

    def hear(self, pipe: str, *events: str) -> Wants:
        """Hears these events of a pipe; all of them if none is named. `host:gap` is the pipe of gaps."""
        self.hearings.append((pipe, list(events)))
        return self

    def send(self, *pipes: str) -> Wants:
        """Sends to these pipes."""
        self.sends.extend(pipes)
        return self

    def log(self, *pipes: str) -> Wants:
        """Reads the logs of these pipes."""
        self.logs.extend(pipes)
        return self

    def count(self, *pipes: str) -> Wants:
        """Counts the subscribers of these pipes."""
        self.counts.extend(pipes)
        return self
