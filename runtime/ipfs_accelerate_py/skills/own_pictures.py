"""What a checkpoint's own image processor makes of a picture, for heads that take the numbers of pictures alone.

Such a type often has no processor of texts with pictures (see `own_processor`), and needs none of its tokenizer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any, Final

from ipfs_accelerate_py.errors import BackendError, CheckpointError, InputError, unknown
from ipfs_accelerate_py.skills import image_file, own_processor
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.handler import Handler
from ipfs_accelerate_py.skills.own_processor import IMAGES, REFUSED, OwnProcessor, first_line

PIXELS: Final = "pixel_values"
SEEN: Final = frozenset({PIXELS, "pixel_mask"})


def seen_alone(names: Collection[str]) -> bool:
    """Whether arrays of `names` are those of pictures, and nothing goes with them."""
    return PIXELS in names and SEEN.issuperset(names)


class OwnPictures(OwnProcessor):
    """The image processor in a checkpoint's folder, and the arrays that a head takes of it."""

    @cached_property
    def loaded(self) -> Any:
        """The image processor, as transformers loads it, without torchvision where it has such a class.

        Raises:
            BackendError: transformers is not installed.
            CheckpointError: the checkpoint does not say its image processor, or it needs what is not installed.
        """
        try:
            from transformers import AutoImageProcessor
        except ModuleNotFoundError as error:
            raise BackendError(
                f"{error.name} is not installed, and the image processor of {self.checkpoint.name} needs it; "
                "python -m pip install 'ipfs_accelerate_py[torch]', or give arrays"
            ) from error
        folder = self.checkpoint.folder
        try:
            return AutoImageProcessor.from_pretrained(
                folder, backend="pil", local_files_only=True, trust_remote_code=False
            )
        except (OSError, ImportError, *REFUSED) as error:
            raise CheckpointError(
                f"{folder}: its image processor cannot be loaded: {first_line(error)}; fetch the checkpoint again "
                f"with its preprocessor_config.json, or give arrays: {', '.join(self.axes)}"
            ) from error

    def told(self, item: Any) -> Any:
        """Return `item`, of what is no mapping a picture by itself, as a mapping."""
        return item if isinstance(item, Mapping) else {IMAGES: [item]}

    def made(self, item: Mapping[str, Any], index: int | None = None) -> Mapping[str, Any]:
        """Return all that the image processor makes of the pictures of `item`.

        Raises:
            InputError: the item has something else in it, no picture, or one that cannot be read or is refused.
        """
        for name in item:
            if name != IMAGES:
                raise InputError(str(unknown("input", str(name), (IMAGES, *self.axes))), index=index)
        listed = item.get(IMAGES)
        pictures = list(listed) if isinstance(listed, (list, tuple)) else [listed]
        opened = [image_file.opened(each, index) for each in pictures]
        try:
            made: Mapping[str, Any] = self.loaded(images=opened, return_tensors="np")
        except REFUSED as error:
            raise InputError(
                f"the checkpoint's {type(self.loaded).__name__} refuses it: {first_line(error)}", index=index
            ) from error
        return made


def reading(handler: Handler, checkpoint: Checkpoint, *, proved: bool = True) -> Handler:
    """Let `handler` take what the checkpoint's own processor makes arrays of; see `own_processor.reading`.

    Where its head takes pictures alone, an item is a picture as well, or a mapping with `images`.
    """
    axes = own_processor.arrays_of(handler.steps)
    own = OwnPictures(checkpoint, axes) if seen_alone(axes) else OwnProcessor(checkpoint, axes)
    return own_processor.reading(handler, checkpoint, proved=proved, own=own)
