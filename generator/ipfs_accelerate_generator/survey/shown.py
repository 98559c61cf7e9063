"""Pictures made by hand, where no image processor of the type runs here: in the forms that towers know.

A form is how the numbers of a picture lie: whole, or cut into patches. What goes with them (a grid, a mask, positions)
follows from the form and the configuration. Which form a tower takes, running it tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ipfs_accelerate_generator.survey.subject import NoInput

AIMED: Final = "images_per_sample"
"""The input that counts the sizes that each text states: those of its pictures, and of one to be drawn."""
PROCESSOR: Final = "of the image processor"
_STRIP: Final = "a strip of patches"
_EACH: Final = "patches of each picture"
_WHOLE_IN_ROWS: Final = "all patches of each picture"
FORMS: Final = (
    PROCESSOR,
    "whole pictures",
    "patches in rows",
    _STRIP,
    "small pictures of patches",
    _EACH,
    "pictures of each text",
    "films of patches",
    "merged patches",
    "merged patches of each picture",
    _WHOLE_IN_ROWS,
)
"""Tried in this order: a strip before patches by themselves, of which a tower that takes a strip reads the first."""
STRANGE: Final = frozenset({_STRIP, *FORMS[FORMS.index("films of patches") :]})
"""What no template knows."""


@dataclass(frozen=True)
class Frame:
    """A picture in numbers: `high` by `wide` patches of `patch` pixels, as many of each text as `count` texts have."""

    form: str
    count: int
    channels: int
    side: int
    """The length of a whole picture in pixels."""
    patch: int
    depth: int
    """How many frames make one patch."""
    merge: int
    """How many patches, across and down, become one vector."""
    aims: bool = False
    """Whether each text states behind the size of its picture that of one to be drawn, which has no pixels."""

    stretch: int = 1
    """How many times as many rows of patches a picture has that is not packed with others."""

    @property
    def high(self) -> int:
        """Rows of patches."""
        if self.form == _WHOLE_IN_ROWS:
            return self.side // self.patch
        return 2 * self.merge * (self.stretch if self.form.endswith(_EACH) else 1)

    @property
    def wide(self) -> int:
        """Columns of patches; more than rows where a tower does not fix them, so that no axis can stand for another."""
        return self.side // self.patch if self.form == _WHOLE_IN_ROWS else 3 * self.merge

    @property
    def whole(self) -> bool:
        """Whether the picture is not cut."""
        return self.form in {"whole pictures", "pictures of each text"}

    @property
    def pixels(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return (self.side, self.side) if self.whole else (self.high * self.patch, self.wide * self.patch)


def drawn(name: str, frame: Frame, generator: Any) -> Any:
    """Return the input `name` for pictures of `frame`.

    Raises:
        NoInput: nothing of that name goes with a picture, as far as is known here.
    """
    if name not in _RULES:
        raise NoInput(f"no rule makes the input {name!r}")
    return _RULES[name](frame, generator)


def known(name: str) -> bool:
    """Whether `name` goes with a picture."""
    return name in _RULES


def names() -> Iterator[str]:
    """Yield the inputs that go with a picture."""
    yield from _RULES


def _values(frame: Frame, generator: Any) -> Any:
    import torch

    count, channels, patch = frame.count, frame.channels, frame.patch
    patches = frame.high * frame.wide
    shape = {
        "whole pictures": (count, channels, frame.side, frame.side),
        "pictures of each text": (count, 1, channels, frame.side, frame.side),
        "patches in rows": (count * patches, channels * frame.depth * patch * patch),
        "small pictures of patches": (count * patches, channels, patch, patch),
        _EACH: (count, patches, channels * frame.depth * patch * patch),
        "films of patches": (count * patches, frame.depth, patch, patch, channels),
        "merged patches": (
            count * patches,
            frame.merge * patch,
            frame.merge * patch,
            channels,
        ),
        "merged patches of each picture": (count, patches, channels * (frame.merge * patch) ** 2),
        _WHOLE_IN_ROWS: (count, patches, channels * patch * patch),
        _STRIP: (1, channels, patch, count * patches * patch),
    }[frame.form]
    return torch.randn(*shape, generator=generator)


def _sizes(*numbers: Callable[[Frame], int]) -> Callable[[Frame, Any], Any]:
    def rule(frame: Frame, _generator: Any) -> Any:
        import torch

        return torch.tensor([[number(frame) for number in numbers]] * frame.count * (1 + frame.aims))

    return rule


def _mask(frame: Frame, _generator: Any) -> Any:
    import torch

    shapes = {
        "whole pictures": (frame.count, frame.side, frame.side),
        "pictures of each text": (frame.count, 1, frame.side, frame.side),
    }
    return torch.ones(*shapes.get(frame.form, (frame.count, frame.high * frame.wide)), dtype=torch.long)


def _positions(frame: Frame, _generator: Any) -> Any:
    """Column and row of each patch, (pictures, patches, 2)."""
    import torch

    down, across = torch.meshgrid(torch.arange(frame.high), torch.arange(frame.wide), indexing="ij")
    return torch.stack([across, down], dim=-1).reshape(1, -1, 2).repeat(frame.count, 1, 1)


def _merges(frame: Frame, _generator: Any) -> Any:
    import torch

    return torch.tensor([frame.merge] * frame.count)


def _pools(frame: Frame, _generator: Any) -> Any:
    """For each vector the numbers of the patches that it is made of, among those of all pictures."""
    import torch

    numbers = torch.arange(frame.count * frame.high * frame.wide)
    cut = numbers.reshape(frame.count, frame.high // frame.merge, frame.merge, -1, frame.merge)
    return cut.transpose(2, 3).reshape(-1, frame.merge**2)


def _ones(frame: Frame, _generator: Any) -> Any:
    """One for each picture: of several the rows of a batch could not be told apart."""
    import torch

    return torch.ones(frame.count, dtype=torch.long)


def _aims(frame: Frame, _generator: Any) -> Any:
    """Two for each text: its picture, and the one to be drawn."""
    import torch

    return torch.full((frame.count,), 2)


def _none(_frame: Frame) -> int:
    """Return 0: of a picture there are no closer views."""
    return 0


_ROWS: Final = _sizes(lambda frame: frame.high, lambda frame: frame.wide)
_RULES: Final[Mapping[str, Callable[[Frame, Any], Any]]] = {
    "pixel_values": _values,
    "high_res_pixel_values": _values,
    "pixel_values_local": _values,
    "num_local_patches": _ones,
    "image_grid_thw": _sizes(lambda _: 1, lambda frame: frame.high, lambda frame: frame.wide),
    "image_grid_hw": _ROWS,
    "image_token_pooling": _pools,
    "image_grids": _sizes(
        lambda frame: frame.high // frame.merge, lambda frame: frame.wide // frame.merge, _none, _none
    ),
    "spatial_shapes": _ROWS,
    "target_sizes": _ROWS,
    "image_sizes": _sizes(lambda frame: frame.pixels[0], lambda frame: frame.pixels[1]),
    "pixel_attention_mask": _mask,
    "image_position_ids": _positions,
    "image_merge_sizes": _merges,
    AIMED: _aims,
}
