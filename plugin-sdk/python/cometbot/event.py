"""Reading an event, and answering it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

#: Deeper JSON would end the instance: the standard library's parser calls itself, and the host's stack is small.
JSON_MAX_DEPTH = 256

# A string that does not end counts as well, so that there is nothing to try again: the time stays in step with the size.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]+|\\.)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


@dataclass
class Event:
    """Something that happened in a pipe.

    `data` is the payload exactly as its sender wrote it. `user_id` is 0 for an anonymous client, and None where it is
    unknown, or not a client. `time` is in whole seconds of Unix time, and None where the server does not say. `history`
    tells whether it comes from the pipe's log instead of live.

    On the pipe `host:gap` the host itself says what could not be heard: `name` is the pipe that it is about, and `data`
    are the JSON object `{"pipe", "since", "until", "recovered", "why"}`, with times in Unix seconds.
    """

    pipe: str
    name: str
    data: str
    user_id: int | None = None
    time: int | None = None
    history: bool = False

    def text(self) -> str:
        """What a person wrote.

        The server's JavaScript client sends each message as JSON, so that its plain text `hi` arrives as `"hi"`, quotes
        included; other clients send the bare text. This is `hi` for both. Anything else stays as it is.
        """
        text = self._json_text()
        return self.data if text is None else text

    def json(self) -> Any:
        """The payload as JSON. Raises `ValueError` if it is none, or nested deeper than `JSON_MAX_DEPTH`."""
        if _is_too_deep(self.data):
            raise ValueError(f"the JSON is nested deeper than {JSON_MAX_DEPTH} levels")
        return json.loads(self.data)

    def reply(self, event: str, text: str) -> None:
        """Sends a text to the pipe that the event came from, in the form that its sender uses (see `text`).

        Raises `CometError`. Nobody can send to `msg` and to `host:gap`.
        """
        from . import comet

        comet.send(self.pipe, event, text if self._json_text() is None else json.dumps(text, ensure_ascii=False))

    def _json_text(self) -> str | None:
        # Looked at first, so that most texts never see a parser.
        if not self.data.lstrip(" \t\r\n").startswith('"'):
            return None
        try:
            text: str = json.loads(self.data)
            # Half of a surrogate pair is no text that could be sent anywhere.
            text.encode()
        except ValueError:
            return None
        return text


def _is_too_deep(data: str) -> bool:
    # Most payloads have few brackets, and are never scanned.
    if data.count("[") + data.count("{") <= JSON_MAX_DEPTH:
        return False
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(data):
        token = match[0]
        if token in ("[", "{"):
            depth += 1
            if depth > JSON_MAX_DEPTH:
                return True
        elif token in ("]", "}"):
            depth -= 1
    return False
