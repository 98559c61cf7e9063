"""Weights on disk: which safetensors files hold them, whether they are whole, and what their headers say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from ipfs_accelerate_py.errors import CheckpointError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_LARGEST_HEADER = 100_000_000  # bytes; the limit that the safetensors format itself sets


@dataclass(frozen=True)
class Header:
    """What the header of one file announces: the shape of each tensor, and how long the whole file is."""

    shapes: Mapping[str, tuple[int, ...]]
    file_bytes: int

    @property
    def parameters(self) -> int:
        """The number of values in all tensors."""
        return sum(prod(shape) for shape in self.shapes.values())


def files(folder: Path, index: Mapping[str, Any]) -> tuple[Path, ...]:
    """Return the safetensors files of a checkpoint's `folder`, checked for completeness but not read through.

    `index` is what the index of a checkpoint in several files holds. As in transformers, a single file goes first.

    Raises:
        CheckpointError: there are none, only pickled ones, one is missing, or one is cut off or damaged.
    """
    single = folder / SINGLE
    paths = (single,) if single.is_file() or not index else _shards(folder, index)
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        pickled = sorted(path.name for kind in _PICKLED for path in folder.glob(kind))
        if pickled and not index and not any(folder.glob("*.safetensors")):
            raise CheckpointError(
                f"{folder}: holds pickled weights only ({', '.join(pickled)}); loading a pickle can run any code; "
                f"convert them to {SINGLE}"
            )
        raise CheckpointError(
            f"{folder}: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing; fetch the weights again"
        )
    for path in paths:
        header(path)
    return paths


def header(path: Path) -> Header:
    """Return what the header of a safetensors file says.

    Raises:
        CheckpointError: the file is cut off or damaged, as far as its header and its length tell.
    """
    size = path.stat().st_size
    damaged = f"{path}: is damaged or cut off; fetch it again"
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or not 0 < length <= min(size - 8, _LARGEST_HEADER):
            raise CheckpointError(damaged)
        try:
            written = json.loads(file.read(length))
            tensors = {name: entry for name, entry in written.items() if name != "__metadata__"}
            shapes = {name: tuple(int(axis) for axis in entry["shape"]) for name, entry in tensors.items()}
            end = max((int(entry["data_offsets"][1]) for entry in tensors.values()), default=0)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise CheckpointError(damaged) from error
    found = Header(shapes, 8 + length + end)
    if size != found.file_bytes:
        raise CheckpointError(
            f"{path}: holds {size} bytes, its header announces {found.file_bytes}; fetch it again"
        )
    return found


def _shards(folder: Path, index: Mapping[str, Any]) -> tuple[Path, ...]:
    table = index.get("weight_map")
    if not isinstance(table, dict) or not table:
        raise CheckpointError(f"{folder / INDEX}: has no weight_map; fetch it again")
    names = sorted({str(name) for name in table.values()})
    for name in names:
        if name != Path(name).name or not name.endswith(".safetensors"):
            raise CheckpointError(
                f"{folder / INDEX}: names {name!r} as a file of weights; they are safetensors files beside the index"
            )
    return tuple(folder / name for name in names)
