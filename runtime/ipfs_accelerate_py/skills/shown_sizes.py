"""The sizes of the arrays that pictures come as, read from the configuration of a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.head import Port

_PARTS: Final = ("vision_config.", "")  # where a configuration says what its tower takes
_HIGH_WIDE: Final = (2, 3)  # merged patches of a picture in a sample, down and across

# Whole pictures, and what goes with each of them.
WHOLE: Final[Mapping[str, Port]] = {
    "pixel_values": Port("float32", ("pictures", "channels", "height", "width"), dynamic=("pictures",)),
    "high_res_pixel_values": Port(
        "float32", ("pictures", "channels", "height", "width"), dynamic=("pictures",)
    ),
    "pixel_attention_mask": Port("int64", ("pictures", "height", "width"), dynamic=("pictures",)),
    "image_sizes": Port("int64", ("pictures", "axes"), dynamic=("pictures",)),
}
# Pictures cut into patches, which stand one after the other.
PATCHES: Final[Mapping[str, Port]] = {
    "pixel_values": Port("float32", ("patches", "values"), dynamic=("patches",)),
    "image_grid_thw": Port("int64", ("pictures", "axes"), dynamic=("pictures",)),
    "image_grid_hw": Port("int64", ("pictures", "axes"), dynamic=("pictures",)),
    "target_sizes": Port("int64", ("pictures", "axes"), dynamic=("pictures",)),
    "image_merge_sizes": Port("int64", ("pictures",), dynamic=("pictures",)),
}
# The same, each patch as a small picture.
CUT: Final[Mapping[str, Port]] = {
    **PATCHES,
    "pixel_values": Port("float32", ("patches", "channels", "height", "width"), dynamic=("patches",)),
}

MEASURES: Final = frozenset(name for name in {**WHOLE, **PATCHES} if name.endswith(("_sizes", "_thw", "_hw")))
"""What of these only measures a picture: another number would speak of none that is there."""


@dataclass(frozen=True)
class Sizes:
    """What a checkpoint says of its pictures; `ports` are those of its arrays, `side_field` names a picture's side."""

    checkpoint: Checkpoint
    ports: Mapping[str, Port]
    side_field: str

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of the array `name` behind its first axis."""
        axes = self.ports[name].axes[1:]
        grid = "patches" in self.ports["pixel_values"].axes
        edge = self._number("patch_size", 14) if grid else self._side(name)
        if axes == ("axes",):
            return (3,) if name.endswith("_thw") else (2,)
        known = {
            "channels": self._channels,
            "height": edge,
            "width": edge,
            "values": self._channels * self._number("temporal_patch_size", 1) * edge * edge,
        }
        return tuple(known[axis] for axis in axes)

    def drawn(self, name: str, count: int) -> Array:
        """Return the array `name` of `count` pictures, of which no two are alike."""
        port, shape = self.ports[name], self.shape(name)
        merge = self.merge
        high, wide = (merge * each for each in _HIGH_WIDE)
        first = count * high * wide if port.axes[0] == "patches" else count
        if port.dtype == "float32":
            numbers = np.sin(np.arange(first * int(np.prod(shape)), dtype=np.float32))
            return numbers.reshape(first, *shape)
        if name == "image_sizes":
            return np.tile(np.asarray(self.shape("pixel_values")[-2:], dtype=np.int64), (first, 1))
        if shape in ((2,), (3,)):
            return np.tile(np.asarray((1, high, wide)[-shape[0] :], dtype=np.int64), (first, 1))
        if name == "image_merge_sizes":
            return np.full(first, merge, dtype=np.int64)
        return np.ones((first, *shape), dtype=np.int64)

    @property
    def merge(self) -> int:
        """How many patches, down and across, become one vector."""
        return self._number("spatial_merge_size", self._number("merge_size", 2))

    @property
    def _channels(self) -> int:
        return next(
            (
                found
                for name in ("num_channels", "in_channels", "in_chans")
                if (found := self._number(name, 0)) in (1, 3, 4)
            ),
            3,
        )

    def _side(self, name: str) -> int:
        part = "high_res_vision_config.image_size" if name.startswith("high_res") else self.side_field
        found: Any = self.checkpoint.value(part) if part else None
        if isinstance(found, list | tuple) and found:
            found = found[-1]
        return int(found) if isinstance(found, int) and found > 0 else self._number("image_size", 64)

    def _number(self, name: str, otherwise: int) -> int:
        for part in _PARTS:
            found = self.checkpoint.value(part + name)
            if isinstance(found, list | tuple) and found:
                found = found[-1]
            if isinstance(found, int) and not isinstance(found, bool) and found > 0:
                return found
        return otherwise
