"""Where a plugin's calls go: to the host, or natively to the stage of the test that runs. For the kit alone."""

from __future__ import annotations

from types import ModuleType

try:
    from wit_world.imports import comet, logging, store, types  # made by componentize-py from the contract
    from componentize_py_types import Err
except ImportError:
    from . import _desk

    comet: ModuleType = _desk
    store: ModuleType = _desk
    logging: ModuleType = _desk
    types: ModuleType = _desk
    from ._desk import Err

__all__ = ["Err", "comet", "logging", "store", "types"]
