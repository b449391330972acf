"""Modules of the standard library that are loaded when they are first touched, not when they are imported.

The option parser and what it is made of import them for cases that a quick command never meets: a twentieth of what it
takes to start. Knows nothing of what they are for.
"""

import sys
from importlib.util import find_spec, module_from_spec
from threading import RLock
from types import ModuleType
from typing import Any

SELDOM = ("ipaddress", "subprocess", "textwrap", "tokenize")
_LOCK, _BEGUN = "_deferral_lock", "_deferral_begun"


def defer(names: tuple[str, ...] = SELDOM) -> None:
    """Have modules be loaded when they are first touched; those that are loaded, or not there, stay as they are."""
    for name in names:
        spec = None if name in sys.modules else find_spec(name)
        if spec:
            module = sys.modules[name] = module_from_spec(spec)
            module.__dict__[_LOCK] = RLock()
            module.__class__ = _Deferred


class _Deferred(ModuleType):
    """A module that is loaded into itself as soon as anything of it is wanted.

    Like `importlib.util.LazyLoader`, which before Python 3.12.4 shows a second thread a module that is half loaded.
    """

    def __getattribute__(self, name: str) -> Any:
        # An import asks for the spec, and only that.
        if name not in ("__spec__", "__dict__", "__class__"):
            _load(self)
        # Not super(): by now this may be a plain module.
        return ModuleType.__getattribute__(self, name)


def _load(module: ModuleType) -> None:
    """Load a deferred module, unless that has happened; what a module asks of itself on its way is let through."""
    names = module.__dict__
    lock = names.get(_LOCK)
    if lock is None:
        return
    with lock:
        if _BEGUN in names or _LOCK not in names:
            return
        names[_BEGUN] = True
        try:
            spec = module.__spec__
            assert spec is not None
            assert spec.loader is not None
            spec.loader.exec_module(module)
            module.__class__ = ModuleType
            del names[_LOCK]
        finally:
            del names[_BEGUN]
