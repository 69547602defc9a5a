"""Where a plugin's calls go: to the host, or natively to the desk of the test that runs. For the kit alone."""

from __future__ import annotations

from typing import Any

comet: Any
logging: Any
store: Any
types: Any
Err: Any

try:
    # componentize-py makes these of the contract.
    from componentize_py_types import Err  # type: ignore[import-not-found, no-redef]
    from wit_world.imports import comet, logging, store, types  # type: ignore[import-not-found, no-redef]

    IS_NATIVE = False
except ImportError:
    from . import _desk

    comet = logging = store = types = _desk
    Err = _desk.Err
    IS_NATIVE = True

_answers = IS_NATIVE


def answers_from_now_on() -> None:
    """The host is there. When componentize-py imports the plugin, to build it, it is not."""
    global _answers
    _answers = True


def must_answer() -> None:
    """To be asked before each call of the host: without one, such a call would end componentize-py itself."""
    if not _answers:
        raise RuntimeError(
            "there is no bot while the plugin is built: read settings and call comet in setup or in handle, not at import"
        )


def text(value: object, what: str) -> str:
    """Lets only what the host can take pass: anything else would end the instance.

    Raises `TypeError` for what is no text, `ValueError` for a text with half of a surrogate pair, as JSON can make them.
    """
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a text (str), not {type(value).__name__}")
    try:
        value.isascii() or value.encode()
    except UnicodeEncodeError as error:
        half = f"U+{ord(value[error.start]):04X}"
        raise ValueError(f"{what} has half of a surrogate pair at character {error.start} ({half}): leave it out") from None
    return value


def readable(value: str) -> str:
    """A text for people, with a question mark for each character that the host could not take."""
    return value.encode("utf-8", "replace").decode()
