"""Running a plugin natively, with `python -m unittest`.

    stage = Stage(Greeter, config={"greeting": "hi"})
    assert stage.handle(Event("web_chat", "msg", "!hello", user_id=7)) == [("web_chat", "bot", "hi, user 7!")]

As in the host, what `setup` did not ask for is denied, and a `handle` that raises an exception sends nothing. What only a
server can say, such as that a message is too long, is not said here. There is one stage at a time.
"""

from __future__ import annotations

from . import _desk
from .comet import Kind
from .event import Event
from .plugin import Plugin, _to_host

_ERRORS = {
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
        config: dict[str, str] | None = None,
        logs: dict[str, list[Event]] | None = None,
        counts: dict[str, int] | None = None,
    ) -> None:
        _desk.desk.__init__(config or {}, dict(logs or {}), counts or {})
        self.plugin = plugin()
        self.wants = self.plugin.setup()
        _desk.desk.wants = _to_host(self.wants)

    def handle(self, event: Event) -> list[tuple[str, str, str]]:
        """Lets the plugin handle an event, and gives what it sent: pipe, event, message."""
        _desk.desk.sent = []
        self.plugin.handle(event)
        return _desk.desk.sent

    def refuse(self, kind: Kind, words: str = "refused in a test") -> None:
        """The next call of `comet` fails like this."""
        _desk.desk.refusals.append(_ERRORS[kind](words) if kind in _ERRORS else _desk.Error_TimedOut())
