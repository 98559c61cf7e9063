"""Videos as frames: a list of images, an array, or an animated picture; each frame is made ready as an image is."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.image import ImageInput
from ipfs_accelerate_py.skills.image_file import opened

_MOST_FRAMES = 100_000  # an animation with more is an attack, or a film that wants a reader of its own


@dataclass(frozen=True)
class VideoInput:
    """The processor of a checkpoint's frames.

    `size_field` and `frames_field` name the fields of config.json with the size and the number of frames that the
    model takes.
    """

    checkpoint: Checkpoint
    size_field: str
    frames_field: str

    @cached_property
    def image(self) -> ImageInput:
        """The image processor of each frame."""
        return ImageInput(self.checkpoint, self.size_field)

    @cached_property
    def frames(self) -> int | None:
        """How many frames the model takes; None where the configuration does not say."""
        return self.checkpoint.number(self.frames_field) if self.frames_field else None

    def rows(self, items: Sequence[Any]) -> list[Array]:
        """Return each video as (frames, channels, height, width) float32.

        Of more frames than the model takes, as many are chosen, evenly from the first to the last.

        Raises:
            InputError: an item is no video, or has too few frames; its index says which.
        """
        return [self._row(item, index) for index, item in enumerate(items)]

    @property
    def sample(self) -> tuple[Any, ...]:
        """Two videos of waves that move."""
        first, second = self.image.sample
        count = self.frames or 8
        return tuple(
            {"frames": [np.roll(picture, 3 * shift, axis=1) for shift in range(count)]}
            for picture in (first, second)
        )

    def _row(self, item: Any, index: int) -> Array:
        frames: Sequence[Any]
        if isinstance(item, dict) and set(item) == {"pixel_values"}:
            frames = [{"pixel_values": frame} for frame in _sequence(item["pixel_values"], index)]
        else:
            frames = _frames(item, index)
        chosen = [frames[place] for place in self._places(len(frames), index)]
        try:
            return np.stack(self.image.rows(chosen))
        except InputError as error:
            fact = str(error).removeprefix(f"input {error.index}: ")
            raise InputError(f"frame {error.index} of those that count: {fact}", index=index) from error
        except ValueError as error:  # frames of unequal size where nothing resizes them
            raise InputError(f"its frames do not fit together: {error}", index=index) from error

    def _places(self, count: int, index: int) -> list[int]:
        wanted = self.frames or count
        if count < wanted or not count:
            raise InputError(f"has {count} frames; the model takes {wanted}", index=index)
        return [int(place) for place in np.linspace(0, count - 1, num=wanted)]


def _frames(item: Any, index: int) -> Sequence[Any]:
    """Return the frames of a video as images.

    Raises:
        InputError: it is none.
    """
    if isinstance(item, dict) and len(item) == 1 and (name := next(iter(item))) in ("frames", "video_path"):
        item = item[name]
    if isinstance(item, list | tuple):
        return item
    if isinstance(item, np.ndarray) and item.ndim == 4:
        return list(item)
    if isinstance(item, str | Path | bytes):
        return _animation(item, index)
    raise InputError(
        f"is a {type(item).__name__}; this task takes a video: {{'frames': [images]}}, an array of frames, height, "
        "width and 3 channels, or the path or bytes of an animated picture",
        index=index,
    )


def _sequence(values: Any, index: int) -> list[Any]:
    try:
        return list(values[0]) if getattr(values, "ndim", 0) == 5 and len(values) == 1 else list(values)
    except TypeError as error:
        raise InputError(f"pixel_values are no frames: {error}", index=index) from error


def _animation(item: str | Path | bytes, index: int) -> list[Any]:
    from PIL import Image, ImageSequence

    opened(item, index)  # says what is wrong with a file that is no picture
    with Image.open(io.BytesIO(item) if isinstance(item, bytes) else os.path.expanduser(item)) as file:
        if getattr(file, "n_frames", 1) > _MOST_FRAMES:
            raise InputError(f"has more than {_MOST_FRAMES} frames; cut it first", index=index)
        try:
            return [frame.convert("RGB") for frame in ImageSequence.Iterator(file)]
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise InputError(f"cannot be read to its end: {error}", index=index) from error
