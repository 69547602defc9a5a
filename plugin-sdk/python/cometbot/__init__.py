"""Write plugins for cometbot in Python.

A plugin is a class with two methods, and a line that exports it:

    from cometbot import Event, Plugin, Wants, export

    class Greeter(Plugin):
        def setup(self) -> Wants:
            return Wants("1.0.0").hear("web_chat", "msg").send("web_chat")

        def handle(self, event: Event) -> None:
            if event.text() == "!hello":
                event.reply("bot", "hello!")

    WitWorld = export(Greeter)

Settings are read with `config`, the server is asked with `comet`; the log is Python's own `logging`, or `print`. JSON,
time and random numbers are those of the standard library.
"""

from . import comet, config
from .comet import CometError
from .event import Event
from .plugin import Plugin, PluginError, export
from .wants import Wants

__all__ = ["CometError", "Event", "Plugin", "PluginError", "Wants", "comet", "config", "export"]
