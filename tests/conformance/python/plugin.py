"""The conformance plugin: does what the tests ask it to, in Python."""

import logging
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cometbot import CometError, Event, Plugin, PluginError, Wants, comet, config, export


class Conformance(Plugin):
    def setup(self) -> Wants:
        self.states = 0
        self.memory = ""
        if (why := config.get("refuse")) is not None:
            raise PluginError(f"refused: {why}")
        if (why := config.get("panic-in-setup")) is not None:
            raise RuntimeError(why)
        greeting = config.get("greeting")
        logging.info("greeting is not set" if greeting is None else f"greeting is {greeting}")
        wants = Wants("1.0.0").hear("web_in").hear("web_picky", "one", "two")
        return wants.send("web_out", "web_in").log("web_log").count("web_count")

    def handle(self, event: Event) -> None:
        data = event.data
        match event.name:
            case "echo":
                answer("echo", data)
            case "fields":
                answer("fields", fields(event))
            case "digest":
                answer("digest", digest(data.encode()))
            case "send":
                with outcome():
                    comet.send(*data.split(" ", 2))
                    answer("outcome", "ok")
            case "log":
                pipe, limit = data.split(" ")
                with outcome():
                    answer("log", rows(comet.log(pipe, int(limit))))
            case "count":
                with outcome():
                    answer("count", str(comet.count(data)))
            case "text":
                answer("text", event.text())
            case "reply":
                event.reply("reply", 'a\n"b"')
            case "levels":
                for number in (5, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
                    name = {5: "trace", logging.WARNING: "warn"}.get(number, logging.getLevelName(number).lower())
                    logging.log(number, "level %s: %s", name, data)
            case "print":
                print("printed:", data)
            case "fail":
                raise PluginError(f"failed: {data}")
            case "uncaught":
                raise ValueError(data)
            case "panic":
                os.abort()
            case "overflow":
                deeper(data)
            case "state":
                self.states += 1
                answer("state", str(self.states))
            case "remember":
                self.memory = data
            case "recall":
                answer("recall", self.memory)
            case "clock":
                answer("clock", str(int(time.time())))
            case "random":
                answer("random", f"{random.getrandbits(64):016x}")
            case "heap":
                bytearray(data.encode())

    def save(self) -> bytes:
        if self.memory == "unsaved":
            raise PluginError('cannot save: it\'s "ж"')
        return self.memory.encode()

    def restore(self, state: bytes) -> None:
        if state == b"unrestored":
            raise PluginError('cannot restore: it\'s "ж"')
        self.memory = state.decode()


WitWorld = export(Conformance)


def answer(event: str, message: str) -> None:
    comet.send("web_out", event, message)


def number(value: int | None) -> str:
    return "none" if value is None else str(value)


def fields(event: Event) -> str:
    length, history = len(event.data.encode()), str(event.history).lower()
    return f"{event.pipe}|{event.name}|{length}|{number(event.user_id)}|{number(event.time)}|{history}"


def digest(data: bytes) -> str:
    """FNV-1a, 32 bits."""
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return f"{len(data)} {value:08x}"


def rows(events: list[Event]) -> str:
    lines = [f"{e.pipe}|{e.name}|{number(e.user_id)}|{str(e.history).lower()}|{e.data}" for e in events]
    return "\n".join([str(len(events)), *lines])


@contextmanager
def outcome() -> Iterator[None]:
    """Answers with what the host says to a question that it refuses."""
    try:
        yield
    except CometError as error:
        answer("outcome", error.kind if error.kind == "timed-out" else f"{error.kind}: {error.words}")


def deeper(data: str, depth: int = 0) -> int:
    """Never ends by itself."""
    return deeper(data, depth + 1) + 1
