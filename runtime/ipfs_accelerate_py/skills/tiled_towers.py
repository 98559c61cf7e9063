"""Towers that see pictures cut into tiles, written so that tracing keeps no size of its example.

transformers asks the size of each picture for its numbers, looks up the grid of tiles that fits best, and lays the
vectors of one picture after the other out as that grid, without the frame around the picture
(`models/llava_next/modeling_llava_next.py`). Here all of that is reckoned for all pictures at once, and each vector
that is read is looked up by the number that it has among those of all tiles.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from ipfs_accelerate_py.skills.packed_pictures import between, numbered, starts_of, whole
from ipfs_accelerate_py.skills.replacing import classes_with, in_models, replaced

_SHRUNK_ABOVE = 1.1  # times as many rows as there is room for; so transformers decides
_ROOM = "anyres_max_"  # in a configuration, before the number of tiles that there is room for
_NO_SIZE = (
    2**24
)  # more than the pixels of any grid, and still a whole number where OpenVINO compares in float32


@contextmanager
def by_tiles() -> Iterator[None]:
    """Within this, models of tiled pictures lay the vectors of all pictures out at once."""
    kinds = [kind for kind in classes_with("pack_image_features") if _lays_out(kind)]
    with replaced(
        *((kind, "get_image_features", _seen(kind.get_image_features)) for kind in kinds),
        *((kind, "pack_image_features", _packed(kind.pack_image_features)) for kind in kinds),
        *in_models({"image_size_to_num_patches": _counted}, beside="unpad_image"),
    ):
        yield


def _lays_out(kind: Any) -> bool:
    """Return whether a class takes the frame around a picture away, and does not leave that to the model inside."""
    return "unpad_image(" in inspect.getsource(kind.pack_image_features)


class _Pictures:
    """The sizes of all pictures, (pictures, 2), of which transformers sees one.

    `apart` is how many tiles lie between the first ones of two pictures; None where the tiles of each follow at once.
    `cut` says of each picture whether it was cut into tiles, (pictures,).
    """

    def __init__(self, sizes: Any, apart: Any, cut: Any) -> None:
        self.sizes, self.apart, self.cut = sizes, apart, cut


def _seen(usual: Any) -> Any:
    """Return the method that makes vectors of pictures, `usual`, which is told of all pictures as of one."""

    def seen(
        self: Any,
        pixel_values: Any,
        image_sizes: Any,
        *given: Any,
        batch_num_images: Any = None,
        **settings: Any,
    ) -> Any:
        import torch

        apart = pixel_values.shape[1] if pixel_values.dim() == 5 else None
        tiles = pixel_values.flatten(0, 1) if pixel_values.dim() == 5 else pixel_values
        cut = torch.ones_like(image_sizes[:, 0], dtype=torch.bool)
        if batch_num_images is not None:  # of a text with more pictures than one, none is cut
            cut = torch.repeat_interleave(batch_num_images, batch_num_images) == 1
        return usual(self, tiles, [_Pictures(image_sizes, apart, cut)], *given, **settings)

    return seen


def _counted(image_size: _Pictures, grid_pinpoints: Any, patch_size: int) -> Any:
    """Return, of the number of tiles of all pictures, that a tensor tells it: what is split by one stays whole."""
    return image_size.sizes.sum()


def _packed(usual: Any) -> Any:
    """Return the method that lays vectors out, which gives what `usual` gives: with how many there are, or without."""
    counting = "return new_image_features, feature_lens" in inspect.getsource(usual)

    def packed(
        self: Any,
        image_features: Any,
        image_sizes: Any,
        *_: Any,  # what is selected of a tower's states decides nothing here
        image_newline: Any,
        vision_aspect_ratio: str = "",
        **__: Any,
    ) -> Any:
        config, pictures = self.config, image_sizes[0]
        side = config.vision_config.image_size
        each = side // config.vision_config.patch_size
        if getattr(self, "layerwise_projectors", None) is not None:
            each = int(each * Fraction(self.config.downsample_rate))
        room = vision_aspect_ratio.removeprefix(_ROOM)
        layout = _Layout(pictures, config.image_grid_pinpoints, side, each, int(room) if room else None)
        found = [layout.read(image_features[0], image_newline)]
        return (found, layout.counts) if counting else found

    return packed


class _Layout:
    """Which vector of all tiles is read when: of each picture the whole, then its tiles as one, row by row.

    `each` is how many vectors a tile is high and wide; `room`, how many tiles the rows of one picture may fill.
    """

    def __init__(
        self, pictures: _Pictures, pinpoints: Any, side: int, each: int, room: int | None = None
    ) -> None:
        import torch

        height, width = pictures.sizes.long().unbind(1)
        grids = torch.as_tensor(pinpoints, dtype=torch.long)
        grid = grids[best(height, width, grids)]
        high, wide = whole(grid[:, 0] + side - 1, side), whole(grid[:, 1] + side - 1, side)
        self._each, self._wide, self._shrinks = each, wide, room is not None
        framed = width * high > wide * height  # above and below, and not beside
        rows, columns = high * each, wide * each
        # The same margin on both sides: what is left may be one more than the picture fills.
        self._above = torch.where(framed, whole(rows - whole(height * columns, width), 2), 0)
        self._left = torch.where(framed, 0, whole(columns - whole(width * rows, height), 2))
        self._high, self._across = rows - 2 * self._above, columns - 2 * self._left
        self._rows, self._columns = self._high, self._across
        if room is not None:
            most = (grids.amax(0) // side * each).tolist()
            self._rows, self._columns = _shrunk(most, room * each * each)[self._high, self._across].unbind(1)
        self._rows = torch.where(pictures.cut, self._rows, 1)
        self._columns = torch.where(pictures.cut, self._columns, 0)
        tiles = torch.where(pictures.cut, 1 + high * wide, 1)
        self._first = starts_of(tiles)
        if pictures.apart is not None:
            self._first = torch.arange(height.shape[0]) * pictures.apart
        self.counts = each * each + self._rows * (self._columns + 1)

    def read(self, vectors: Any, newline: Any) -> Any:
        """Return the vectors of all pictures in the order in which they are read, (read, width).

        `vectors` are those of the tiles, (tiles, each * each, width), and `newline` ends every row.
        """
        import torch

        picture, place = numbered(self.counts)
        square = self._each * self._each
        first = self._first[picture] * square
        beyond = torch.clamp(place - square, min=0)
        row, column = whole(beyond, self._columns[picture] + 1), beyond % (self._columns[picture] + 1)
        ended = column == self._columns[picture]
        column = torch.where(ended, 0, column)
        vectors = vectors.flatten(0, 1)

        def at(down: Any, right: Any) -> Any:
            down, right = down + self._above[picture], right + self._left[picture]
            tile = whole(down, self._each) * self._wide[picture] + whole(right, self._each) + 1
            inner = down % self._each * self._each + right % self._each
            tiled = torch.where(ended, 0, tile * square + inner)
            return vectors[first + torch.where(place < square, place, tiled)]

        if self._shrinks:
            up, down, low = between(row, self._rows[picture], self._high[picture])
            left, right, far = between(column, self._columns[picture], self._across[picture])
            upper = at(up, left) * (1 - far) + at(up, right) * far
            found = upper * (1 - low) + (at(down, left) * (1 - far) + at(down, right) * far) * low
        else:
            found = at(row, column)
        return torch.where((ended & (place >= square)).unsqueeze(1), newline.to(found.dtype), found)


def best(height: Any, width: Any, grids: Any) -> Any:
    """Return the number of the grid of `grids`, (grids, 2), that shows most of each picture and wastes least of itself.

    The same as `select_best_resolution` of transformers, for the heights and widths, (pictures,), of all.
    """
    import torch

    height, width, high, wide = height.unsqueeze(1), width.unsqueeze(1), grids[:, 0], grids[:, 1]
    narrow = wide * height < high * width
    scale = torch.where(narrow, wide, high), torch.where(narrow, width, height)
    shown = torch.minimum(_scaled(height, *scale) * _scaled(width, *scale), height * width)
    fits = shown == shown.amax(1, keepdim=True)
    # Of grids that show as much, the one that wastes least; of these, the first.
    size = torch.where(fits, high * wide, _NO_SIZE)
    fits = size == size.amin(1, keepdim=True)
    return torch.where(fits, torch.arange(grids.shape[0]), grids.shape[0]).amin(1)


def _scaled(size: Any, over: Any, under: Any) -> Any:
    """Return `int(size * (over / under))`, reckoned with whole numbers where floating point leaves no doubt."""
    import torch

    exact = whole(size * over, under)
    rounded = torch.floor(size.double() * (over.double() / under.double()))
    return exact - ((exact * under == size * over) & (rounded < exact)).long()


def _shrunk(most: list[int], room: int) -> Any:
    """Return to how many rows and columns so many are shrunk that they fit, for all up to `most`, (rows, columns, 2).

    A table, as what floating point makes of a ratio that nearly goes up decides.
    """
    import torch

    def size(rows: int, columns: int) -> tuple[int, int]:
        ratio = math.sqrt(rows * columns / room)
        return (int(rows // ratio), int(columns // ratio)) if ratio > _SHRUNK_ABOVE else (rows, columns)

    high, wide = most
    return torch.tensor([[size(rows, columns) for columns in range(wide + 1)] for rows in range(high + 1)])
