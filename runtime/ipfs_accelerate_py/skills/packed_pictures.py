"""Towers that take pictures of any size packed behind each other, written so that tracing keeps no size of its example.

transformers reads the sizes out of a tensor as numbers of Python, and builds places and cuts pictures apart by them
(`vision_utils.py`). Here the same comes from the tensor: to which picture each patch belongs is counted, and instead
of being cut apart, pictures that do not see each other are masked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.replacing import in_models, replaced


@contextmanager
def by_grid() -> Iterator[None]:
    """Within this, the towers of all models that are loaded ask no tensor for its numbers."""
    import torch
    from transformers import modeling_utils

    functions: dict[str, Any] = {
        "get_vision_position_ids": _positions,
        "get_vision_nearest_position_ids": _nearest,
        "get_vision_window_index": _windows,
        "get_vision_frame_index": _frames,
        "get_vision_pixel_shuffle_index": _squares,
    }
    usual = modeling_utils.AttentionInterface.get_interface
    usual_split, usual_cut, usual_list = torch.split, torch.Tensor.split, torch.Tensor.tolist
    usual_cat = torch.cat

    def masked(self: Any, name: str, default: Any) -> Any:
        return _masking(usual(self, name, default))

    def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> Any:
        # Sizes that a tensor told are those of the example, and what is cut by them is joined again.
        sizes = split_size_or_sections
        reckoned = isinstance(sizes, list) and all(isinstance(each, torch.Tensor) for each in sizes)
        told = isinstance(sizes, _Told) or (reckoned and dim == 0)
        return (tensor,) if told else usual_split(tensor, sizes, dim)

    def cut(tensor: Any, split_size: Any, dim: int = 0) -> Any:
        # Whoever asks the tensor itself wants the pieces: as many as there are, each as long as it happens to be.
        if isinstance(split_size, int) and tensor.shape[dim] <= split_size:
            return (tensor,)  # cut to save memory, and joined again
        if isinstance(split_size, torch.Tensor) and dim == 0:  # a size of another tensor, which it divides
            pieces = tensor.unflatten(0, (len(usual_cut(tensor, int(split_size))), -1))
            return tuple(pieces[number] for number in range(pieces.shape[0]))
        if not isinstance(split_size, _Told) or split_size.tensor.dim() != 1:
            return usual_cut(tensor, split_size, dim)
        belongs = groups(torch.cumsum(split_size.tensor, 0), tensor.shape[dim])
        places = [torch.nonzero(belongs == number)[:, 0] for number in range(len(split_size))]
        pieces = _Pieces(tensor.index_select(dim, each) for each in places)
        pieces.of, pieces.along = tensor, dim
        return pieces

    def joined(tensors: Any, *given: Any, **settings: Any) -> Any:
        # As many pieces as the example had, joined as they were cut, would be some of the whole.
        dim = given[0] if given else settings.get("dim", 0)
        uncut = isinstance(tensors, _Pieces) and tensors.along == dim
        return tensors.of if uncut else usual_cat(tensors, *given, **settings)

    def told(tensor: Any) -> Any:
        found = usual_list(tensor)
        return _Told(found, tensor) if isinstance(found, list) else found

    with replaced(
        *in_models(functions),
        # The way of transformers that hands over where each picture begins, instead of cutting.
        *in_models({"is_flash_attention_requested": lambda *_, **__: True}, beside="get_max_seqlen"),
        (modeling_utils.AttentionInterface, "get_interface", masked),
        (torch, "split", split),
        (torch.Tensor, "split", cut),
        (torch.Tensor, "tolist", told),
        (torch, "cat", joined),
    ):
        yield


class _Told(list[Any]):
    """Numbers that were read out of a tensor."""

    def __init__(self, numbers: list[Any], tensor: Any) -> None:
        super().__init__(numbers)
        self.tensor = tensor


class _Pieces(tuple[Any, ...]):
    """Pieces that a tensor was cut into, in order and without a rest: what they are `of`, and `along` which axis."""

    of: Any
    along: int


def _masking(attention: Any) -> Any:
    """Return `attention`, which given where each picture begins lets none see another."""

    def attended(
        module: Any, query: Any, key: Any, value: Any, attention_mask: Any = None, **given: Any
    ) -> Any:
        starts = given.pop("cu_seq_lens_q", None)
        for name in ("cu_seq_lens_k", "max_length_q", "max_length_k"):
            given.pop(name, None)
        if starts is not None and attention_mask is None:
            attention_mask = hidden(groups(starts[1:], query.shape[2]), query.dtype)
        return attention(module, query, key, value, attention_mask, **given)

    return attended


def groups(ends: Any, count: Any) -> Any:
    """Return the number of the group of each of `count` places, where `ends` says behind which place each ends."""
    import torch

    return (torch.arange(count).unsqueeze(1) >= ends.unsqueeze(0)).sum(1)


def starts_of(counts: Any) -> Any:
    """Return the number of the first of each group, where all of `counts` stand one behind the other."""
    import torch

    return torch.cumsum(counts, 0) - counts


def numbered(counts: Any) -> tuple[Any, Any]:
    """Return of all that groups of `counts` have together: in which group it is, and which of that it is."""
    import torch

    ends = torch.cumsum(counts, 0)
    group = groups(ends, ends[-1])
    return group, torch.arange(ends[-1]) - (ends - counts)[group]


def between(place: Any, count: Any, of: Any) -> tuple[Any, Any, Any]:
    """Return before and after which of `of` places each of `count` lies, and the share of the second, (places, 1)."""
    import torch

    exact = torch.clamp((place + 0.5) * (of.float() / count.float().clamp(min=1)) - 0.5, min=0)
    before = torch.floor(exact).long()
    after = torch.minimum(before + 1, of - 1)
    return before, after, (exact - before).unsqueeze(1)


def hidden(belongs: Any, dtype: Any) -> Any:
    """Return the mask that is added, (1, 1, places, places), where places of one group see each other alone."""
    import torch

    apart = belongs.unsqueeze(0) != belongs.unsqueeze(1)
    return torch.zeros_like(apart, dtype=dtype).masked_fill(apart, torch.finfo(dtype).min)[None, None]


class Patches:
    """Of each patch: its picture, where that begins, and where in it the patch is; patches of one vector side by side.

    `grids` are frames, height and width of each picture, (pictures, 3), and `merge` how many patches a vector is wide.
    """

    def __init__(self, grids: Any, merge: Any) -> None:
        import torch

        sizes = grids[:, 0] * grids[:, 1] * grids[:, 2]
        picture, place = numbered(sizes)
        high, wide = grids[picture, 1], grids[picture, 2]
        side = merge[picture] if isinstance(merge, torch.Tensor) else merge
        self.picture, self.start = picture, starts_of(sizes)[picture]
        self.frame = whole(place, high * wide)
        place = place - self.frame * high * wide
        block, inner = whole(place, side * side), place % (side * side)
        across = whole(wide, side)
        self.row = whole(block, across) * side + whole(inner, side)
        self.column = block % across * side + inner % side


def whole(number: Any, by: Any) -> Any:
    """Return how many times `by` goes into `number`, not rounded through floating point."""
    import torch

    return torch.div(number, by, rounding_mode="floor")


def _positions(
    grid_thw: Any, spatial_merge_size: Any, include_temporal: bool = False, kwargs: Any = None
) -> Any:
    """Return row and column of each patch, and before them its frame where that is wanted."""
    import torch

    if kwargs is not None and (known := kwargs.pop("position_ids", None)) is not None:
        return known
    at = Patches(grid_thw, spatial_merge_size)
    return torch.stack([*([at.frame] if include_temporal else []), at.row, at.column], dim=-1)


def _frames(grid_thw: Any, kwargs: Any = None) -> Any:
    """Return the number of the frame of each patch of a film, from one on; of a picture 0."""
    import torch

    if kwargs is not None and (known := kwargs.pop("frame_index", None)) is not None:
        return known
    at = Patches(grid_thw, 1)
    return torch.where(grid_thw[at.picture, 0] > 1, at.frame + 1, 0)


def _squares(grid_thw: Any, merge_size: int, kwargs: Any = None) -> Any:
    """Return the numbers of the patches, which come row by row, with those of one square side by side."""
    if kwargs is not None and (known := kwargs.pop("pixel_shuffle_index", None)) is not None:
        return known
    at = Patches(grid_thw, merge_size)
    row = at.frame * grid_thw[at.picture, 1] + at.row
    return at.start + row * grid_thw[at.picture, 2] + at.column


def _nearest(target_sizes: Any, num_patches_per_side: int, kwargs: Any = None) -> Any:
    """Return for each patch the number of the nearest place on the square of places that were learned."""
    import torch

    if kwargs is not None and (known := kwargs.pop("position_ids", None)) is not None:
        return known
    at = Patches(torch.nn.functional.pad(target_sizes, (1, 0), value=1), 1)
    bounds = torch.arange(1 / num_patches_per_side, 1.0, 1 / num_patches_per_side)
    row, column = (
        (place.float() / size.float()).unsqueeze(1).ge(bounds).sum(1)
        for place, size in (
            (at.row, target_sizes[at.picture, 0]),
            (at.column, target_sizes[at.picture, 1]),
        )
    )
    return row * num_patches_per_side + column


def _windows(
    grid_thw: Any, spatial_merge_size: int, window_size: int, patch_size: int, kwargs: Any = None
) -> tuple[Any, Any]:
    """Return the order in which vectors of one window are neighbours, and where each window begins, in patches."""
    import torch

    if kwargs is not None:
        known = kwargs.pop("window_index", None), kwargs.pop("cu_window_seqlens", None)
        if known[0] is not None and known[1] is not None:
            return known
    side = window_size // spatial_merge_size // patch_size
    merged = torch.stack(
        [
            grid_thw[:, 0],
            whole(grid_thw[:, 1], spatial_merge_size),
            whole(grid_thw[:, 2], spatial_merge_size),
        ],
        dim=1,
    )
    at = Patches(merged, 1)
    most = merged.max() + 1
    window = ((at.picture * most + at.frame) * most + whole(at.row, side)) * most + whole(at.column, side)
    order = torch.argsort(window * side * side + at.row % side * side + at.column % side)
    sorted_windows = window[order]
    starts = torch.nonzero(sorted_windows[1:] != sorted_windows[:-1])[:, 0] + 1
    ends = torch.cat([starts, torch.ones_like(order[:1]) * order.shape[0]])
    return order, torch.nn.functional.pad(ends, (1, 0)) * spatial_merge_size**2
