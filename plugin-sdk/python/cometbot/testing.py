"""Running a plugin natively, with `python -m unittest`.

    stage = Stage(Greeter, config={"greeting": "hi"})
    assert stage.handle(Event("web_chat", "msg", "!hello", user_id=7)) == [("web_chat", "bot", "hi, user 7!")]

As in the host, what `setup` did not ask for is denied, and a `handle` that raises an exception sends nothing. What only a
server can say, such as that a message is too long, is not said here. What the plugin logs is seen by `assertLogs`. There
is one stage at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import _desk
from .comet import Kind
from .event import Event
from .plugin import Plugin, saved, to_host

_ERRORS: dict[Kind, type[_desk.Error_Invalid | _desk.Error_Denied | _desk.Error_Unavailable]] = {
    "invalid": _desk.Error_Invalid,
    "denied": _desk.Error_Denied,
    "unavailable": _desk.Error_Unavailable,
}


class Stage:
    """A plugin that was set up, and a test that plays to it."""

    def __init__(
        self,
        plugin: type[Plugin],
        *,
        config: Mapping[str, str] | None = None,
        logs: Mapping[str, Sequence[Event]] | None = None,
        counts: Mapping[str, int] | None = None,
    ) -> None:
        """Sets the plugin up: with its settings, and with the pipes' logs and subscribers that it can ask for."""
        kept = {pipe: list(events) for pipe, events in (logs or {}).items()}
        self._desk = _desk.Desk(dict(config or {}), kept, dict(counts or {}))
        _desk.begin(self._desk)
        self.plugin = plugin()
        self.wants = self.plugin.setup()
        self._desk.wants = to_host(self.wants)

    def handle(self, event: Event) -> list[tuple[str, str, str]]:
        """Lets the plugin handle an event, and gives what it sent: pipe, event, message.

        Raises what `handle` raises; `LookupError` for an event that the plugin did not ask to hear.
        """
        if not any(event.pipe == pipe and (not names or event.name in names) for pipe, names in self.wants.hearings):
            raise LookupError(f"the plugin does not hear {event.pipe}[{event.name}]: setup did not ask for it")
        self._desk.sent = []
        self.plugin.handle(event)
        return self._desk.sent

    def reload(self, plugin: type[Plugin] | None = None) -> None:
        """Puts a new instance, or one of another class, in the place of the plugin, with what the plugin saves.

        Raises what `save`, `setup` and `restore` raise; the plugin goes on as it was then.
        """
        granted = self._desk.wants
        # Nothing can be asked of the server meanwhile.
        self._desk.wants = None
        try:
            state = saved(self.plugin)
            following = (plugin or type(self.plugin))()
            wants = following.setup()
            granted_next = to_host(wants)
            if state:
                following.restore(state)
            self.plugin, self.wants, granted = following, wants, granted_next
        finally:
            self._desk.wants = granted

    def refuse(self, kind: Kind, words: str = "refused in a test") -> None:
        """The next call of `comet` fails like this."""
        self._desk.refusals.append(_ERRORS[kind](words) if kind in _ERRORS else _desk.Error_TimedOut())
