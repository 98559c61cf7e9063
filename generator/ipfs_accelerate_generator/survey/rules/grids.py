"""Pictures as parts of models take them: cut into patches, packed, paired or already a map of features."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_generator.survey.shape import IMAGE_SIZES, Shape, number, numbers

_SIDE = 64  # of a picture, where the configuration names none
_HALVED = 2**5
_ABOVE = "prompt_pixel_values"  # a picture that is put above the other
_CHANNELS = ("num_channels", "in_channels", "in_chans", "num_input_channels")


def channels(shape: Shape) -> int:
    """Return how many colours a picture has."""
    found = number(shape.config, _CHANNELS, 3)
    return found if found in (1, 3, 4) else 3


def side(shape: Shape) -> int:
    """Return how many pixels a picture is wide.

    Where what is made of it is pooled to a number of rows that the configuration names, as many as a pyramid of five
    halvings makes whole ones of: LayoutLMv2's pictures are of that size, and exporters pool whole rows alone.
    """
    pooled = vars(shape.config).get("image_feature_pool_shape")
    return number(shape.config, IMAGE_SIZES, _HALVED * pooled[0] if pooled else _SIDE)


def edges(shape: Shape) -> tuple[int, int]:
    """Return how many pixels a picture is high and wide.

    Two of which one is put above the other have half the height that the configuration names: they are squares. Where
    it names none, a picture may be larger.
    """
    named = numbers(shape.config, IMAGE_SIZES)
    wide = side(shape) * (1 if named else shape.stretch)
    return (named[0] if len(named) > 1 and _ABOVE not in shape.names else wide), wide


def patch(shape: Shape) -> int:
    """Return how many pixels a patch is high and wide."""
    return number(shape.config, ("patch_size",), 14)


def merged(shape: Shape) -> int:
    """Return how many patches along each side become one."""
    return number(
        shape.config, ("spatial_merge_size", "merge_size", "merge_kernel_size", "pooling_kernel_size"), 2
    )


def places(shape: Shape) -> list[list[int]]:
    """Return frames, rows and columns of patches of two pictures of different sizes, for models that pack them."""
    least = 2 * merged(shape)
    return [[1, least, least], [1, least, 2 * least]]


def _count(shape: Shape) -> int:
    return sum(frames * rows * columns for frames, rows, columns in places(shape))


def _depth(shape: Shape) -> int:
    return number(shape.config, ("temporal_patch_size",), 1)


def _random(generator: Any, *sizes: int) -> Any:
    import torch

    return torch.randn(*sizes, generator=generator)


def packed_films(shape: Shape, generator: Any) -> Any:
    """All patches of all pictures in turn, each flattened with the frames that it spans."""
    return _random(generator, _count(shape), channels(shape) * _depth(shape) * patch(shape) ** 2)


def packed(shape: Shape, generator: Any) -> Any:
    """All patches of all pictures in turn, each flattened."""
    return _random(generator, _count(shape), channels(shape) * patch(shape) ** 2)


def packed_squares(shape: Shape, generator: Any) -> Any:
    """All patches of all pictures in turn, each of its channels, rows and columns."""
    return _random(generator, _count(shape), channels(shape), patch(shape), patch(shape))


def packed_row(shape: Shape, generator: Any) -> Any:
    """The same in a batch of one."""
    return packed_squares(shape, generator)[None]


def packed_merged(shape: Shape, generator: Any) -> Any:
    """All patches of all pictures in turn, those that become one side by side, each of rows, columns and channels."""
    high = merged(shape) * patch(shape)
    return _random(generator, _count(shape) // merged(shape) ** 2, high, high, channels(shape))


def packed_folded(shape: Shape, generator: Any) -> Any:
    """What becomes one vector of each picture in turn, of rows, columns and channels: the grid counts these."""
    high = merged(shape) * patch(shape)
    return _random(generator, _count(shape), high, high, channels(shape))


def strip(shape: Shape, generator: Any) -> Any:
    """All patches of all pictures side by side, as one low and very wide picture."""
    return _random(generator, 1, channels(shape), patch(shape), _count(shape) * patch(shape))


def packed_flat_row(shape: Shape, generator: Any) -> Any:
    """Flattened patches in a batch of one."""
    return packed(shape, generator)[None]


def whole(shape: Shape, generator: Any) -> Any:
    """A batch of pictures."""
    return _random(generator, shape.batch, channels(shape), *edges(shape))


def larger(shape: Shape, generator: Any) -> Any:
    """A batch of pictures four times as high and wide, where small ones vanish on the way."""
    return _random(generator, shape.batch, channels(shape), 4 * side(shape), 4 * side(shape))


def pairs(shape: Shape, generator: Any) -> Any:
    """A batch of pairs of pictures, which are compared."""
    return _random(generator, shape.batch, 2, channels(shape), side(shape), side(shape))


def frames(shape: Shape, generator: Any) -> Any:
    """A batch of films of four frames."""
    count = number(shape.config, ("num_frames", "frames_per_clip"), 4)
    return _random(generator, shape.batch, count, channels(shape), *edges(shape))


def frames_in_rows(shape: Shape, generator: Any) -> Any:
    """All frames of a batch of films, each a picture of its own."""
    return frames(shape, generator).flatten(0, 1)


def tiles(shape: Shape, generator: Any) -> Any:
    """A batch of one picture each, cut into as many tiles as the model takes."""
    count = number(shape.config, ("max_num_tiles",), 4)
    return _random(generator, shape.batch, 1, count, channels(shape), side(shape), side(shape))


def _rows(shape: Shape) -> int:
    """Return how many rows and columns of patches make a picture in a batch; a multiple of what is merged."""
    return 2 * merged(shape) * shape.stretch


def batched(shape: Shape, generator: Any) -> Any:
    """A batch of flattened patches."""
    return _random(generator, shape.batch, _rows(shape) ** 2, channels(shape) * patch(shape) ** 2)


def addressed(shape: Shape, generator: Any) -> Any:
    """A batch of flattened patches, each behind the numbers of its row and column, which begin at 1."""
    import torch

    flat = number(shape.config, ("patch_embed_hidden_size",), channels(shape) * patch(shape) ** 2)
    sizes = shape.batch, _rows(shape) ** 2, 2 + flat
    return 1 + 6 * torch.rand(*sizes, generator=generator)


def grid(shape: Shape, _generator: Any) -> Any:
    """Frames, rows and columns of each picture's patches."""
    import torch

    return torch.tensor(places(shape))


def grid_of_one(shape: Shape, _generator: Any) -> Any:
    """Frames, rows and columns of the patches of one picture alone."""
    import torch

    rows, columns = places(shape)[0][1:], _count(shape)
    return torch.tensor([[1, rows[0], columns // rows[0]]])


def flat_grid(shape: Shape, _generator: Any) -> Any:
    """Rows and columns of each picture's patches."""
    import torch

    return torch.tensor(places(shape))[:, 1:]


def merges(shape: Shape, _generator: Any) -> Any:
    """How many patches along each side of each picture become one."""
    import torch

    return torch.full((len(places(shape)),), merged(shape))


def shapes(shape: Shape, _generator: Any) -> Any:
    """Rows and columns of the patches of each picture of a batch."""
    import torch

    return torch.full((shape.batch, 2), _rows(shape))


def positions(shape: Shape, _generator: Any) -> Any:
    """Column and row of each patch of each picture of a batch."""
    import torch

    count = _rows(shape)
    rows, columns = torch.meshgrid(torch.arange(count), torch.arange(count), indexing="ij")
    return torch.stack([columns.flatten(), rows.flatten()], dim=-1).repeat(shape.batch, 1, 1)


def patches_seen(shape: Shape, _generator: Any) -> Any:
    """Ones: no patch of a batch is padding."""
    import torch

    return torch.ones(shape.batch, _rows(shape) ** 2, dtype=torch.long)


def pixels_seen(shape: Shape, _generator: Any) -> Any:
    """Ones: no pixel of a batch is padding."""
    import torch

    return torch.ones(shape.batch, *edges(shape), dtype=torch.long)


def first_ratio(shape: Shape, _generator: Any) -> Any:
    """The number of the first way to lay out tiles: as a single one."""
    import torch

    return torch.ones(shape.batch, 1, dtype=torch.long)


def tiles_seen(shape: Shape, _generator: Any) -> Any:
    """Ones: every tile of the one picture counts."""
    import torch

    return torch.ones(shape.batch, 1, number(shape.config, ("max_num_tiles",), 4), dtype=torch.long)


def points(shape: Shape, generator: Any) -> Any:
    """Points within each picture, to ask what lies there: several masks are wanted, by several points each."""
    import torch

    return torch.rand(*_asked(shape), 2, generator=generator) * side(shape)


def inside(shape: Shape, generator: Any) -> Any:
    """For each point 1 if it lies within what is meant, or 0 if beside it."""
    import torch

    return torch.randint(0, 2, _asked(shape), generator=generator)


def _asked(shape: Shape) -> tuple[int, int, int]:
    """Return how many pictures there are, how many masks are wanted of each, and by how many points.

    No configuration says so: a longer text stands for more of both.
    """
    return shape.batch, shape.tokens // 6, shape.tokens // 4


def cut(shape: Shape, generator: Any) -> Any:
    """A batch of whole pictures as their flattened patches."""
    count = (side(shape) // patch(shape)) ** 2
    return _random(generator, shape.batch, count, channels(shape) * patch(shape) ** 2)


def pooled(shape: Shape, _generator: Any) -> Any:
    """Which of the vectors become one, four at a time."""
    import torch

    return torch.arange(shape.batch * shape.tokens // 4 * 4).reshape(-1, 4)


def depth(shape: Shape, generator: Any) -> Any:
    """How far away each pixel of a picture is, measured roughly."""
    import torch

    return torch.rand(shape.batch, 1, *edges(shape), generator=generator)


def sides(shape: Shape, _generator: Any) -> Any:
    """How many pixels each picture of a batch is high and wide."""
    import torch

    return torch.full((shape.batch, 2), side(shape))


def folded_films(shape: Shape, generator: Any) -> Any:
    """A batch of patches of films, each of frames, rows, columns and channels."""
    frames = number(shape.config, ("temporal_patch_size",), 1)
    return _random(generator, shape.batch, frames, patch(shape), patch(shape), channels(shape))


def noise(shape: Shape, generator: Any) -> Any:
    """A number between 0 and 1 for each patch of a whole picture: those with the least are seen."""
    import torch

    return torch.rand(shape.batch, (side(shape) // patch(shape)) ** 2, generator=generator)
