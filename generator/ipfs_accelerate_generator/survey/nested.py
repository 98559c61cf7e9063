"""What an output holds: fields, items of tuples in them, and the outputs of parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def named_in(output: Any) -> Iterator[tuple[str, Any]]:
    """Yield the fields of an output: by name, by place in a tuple, or the tensor itself."""
    if hasattr(output, "items"):
        yield from ((str(name), value) for name, value in output.items())
    elif isinstance(output, (tuple, list)):
        yield from ((f"item_{place}", value) for place, value in items_of(output))
    else:
        yield "tensor", output


def items_of(value: Any) -> Iterator[tuple[int, Any]]:
    """Yield what a tuple or list holds, with places; nothing of anything else."""
    yield from enumerate(value) if isinstance(value, (tuple, list)) else ()


def of_parts(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the outputs of parts hold, "part__field" each: the last part first, as it is made of the others."""
    return {
        f"{name}__{own}": item
        for name, value in reversed([*fields.items()])
        if hasattr(value, "to_tuple")
        for own, item in value.items()
    }
