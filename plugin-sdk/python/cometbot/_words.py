"""What an exception is called in the bot's log. For the kit alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from types import TracebackType

from . import _host

_FRAMES_MAX = 4
#: Folders whose frames are not the plugin's own: the standard library, where `json` is a folder, and this kit.
_NOT_ITS_OWN = (os.path.dirname(os.path.dirname(json.__file__)) + os.sep, os.path.dirname(__file__) + os.sep)
_UNKNOWN_ENCODING = "unknown encoding: "


class Plain(Exception):
    """An exception whose words say enough, without its type and its place."""


def of(error: BaseException) -> str:
    """The exception in one line, with what caused it, and with the place in the plugin's own source."""
    words = _what(error)
    seen = {id(error)}
    cause = error.__cause__
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        words = f"{words}, caused by {_what(cause)}"
        cause = cause.__cause__
    if not isinstance(error, Plain):
        places = list(_places(error.__traceback__))
        # The innermost is where to look first.
        where = " < ".join(reversed(places[-_FRAMES_MAX:]))
        words = f"{words} ({where})" if where else words
    return _host.readable(words)


def _what(error: BaseException) -> str:
    if isinstance(error, Plain):
        return str(error)
    words = f"{type(error).__name__}: {error}".removesuffix(": ")
    module = _missing_module(error)
    if module is None or _host.IS_NATIVE:
        return words
    return f"{words}: only what plugin.py imports when it is built is there later: import {module} at its top"


def _missing_module(error: BaseException) -> str | None:
    if isinstance(error, ModuleNotFoundError):
        return error.name
    if isinstance(error, LookupError) and str(error).startswith(_UNKNOWN_ENCODING):
        return f"encodings.{str(error).removeprefix(_UNKNOWN_ENCODING)}"
    return None


def _places(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not code.co_filename.startswith(_NOT_ITS_OWN):
            yield f"{os.path.basename(code.co_filename)}:{traceback.tb_lineno} in {code.co_name}"
        traceback = traceback.tb_next
