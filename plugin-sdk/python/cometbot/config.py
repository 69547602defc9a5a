"""The values of the plugin's own table in bot.toml."""

from __future__ import annotations

from . import _host


def get(key: str) -> str | None:
    """The value of a key, as text; None if the operator did not set it. A list comes as its parts with commas between."""
    _host.must_answer()
    try:
        value: str | None = _host.store.get(_host.text(key, "the key"))
    except _host.Err as error:
        raise OSError(f"the setting {key} cannot be read: {error.value.value}") from None
    return value


def get_list(key: str, default: str = "") -> list[str]:
    """The value of a key as a list, its parts separated by commas; `default` is such a text, for an unset key."""
    value = get(key)
    parts = (default if value is None else value).split(",")
    return [part.strip() for part in parts if part.strip()]
