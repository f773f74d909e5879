"""Find the implementations of an interface, one file each in a package of their own; and what interfaces share."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeGuard, TypeVar

T = TypeVar("T")


def discover(package: str, interface: Callable[..., T]) -> list[type[T]]:
    """Return the concrete subclasses of `interface` in the modules of `package`, in the order of their `order`.

    The modules must be cheap to import: heavy libraries belong inside the functions that use them.
    """
    found: list[type[T]] = []
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        loaded = importlib.import_module(f"{package}.{module.name}")
        own = (value for value in vars(loaded).values() if getattr(value, "__module__", None) == loaded.__name__)
        found += [value for value in own if _implements(value, interface)]
    return sorted(found, key=lambda cls: getattr(cls, "order", 0))


def _implements(value: Any, interface: Any) -> TypeGuard[type[Any]]:
    return inspect.isclass(value) and issubclass(value, interface) and not inspect.isabstract(value)


class Closing:
    """What holds something from its making on: a context manager that ends with `close`."""

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Release what loading took; most have nothing to."""
