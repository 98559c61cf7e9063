"""Operations that no exporter knows, computed by others while a graph is traced.

Each rewrite says what stops exporters, and what is computed instead. PyTorch itself goes on as it was: what is made is
compared with the model as transformers runs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from ipfs_accelerate_py.skills.begun_caches import with_axes
from ipfs_accelerate_py.skills.begun_places import by_begins
from ipfs_accelerate_py.skills.begun_scans import begun_with_states
from ipfs_accelerate_py.skills.boxed_patches import by_order
from ipfs_accelerate_py.skills.chunked_sounds import by_chunk
from ipfs_accelerate_py.skills.complex_numbers import as_pairs
from ipfs_accelerate_py.skills.decaying_states import decayed_by_token
from ipfs_accelerate_py.skills.deep_vectors import by_tokens
from ipfs_accelerate_py.skills.drawn_places import without_drawing
from ipfs_accelerate_py.skills.ended_rows import by_rows
from ipfs_accelerate_py.skills.indexed_places import by_least
from ipfs_accelerate_py.skills.keypoints import as_points
from ipfs_accelerate_py.skills.learned_places import read_by_shares
from ipfs_accelerate_py.skills.local_views import by_views
from ipfs_accelerate_py.skills.merged_patches import by_squares
from ipfs_accelerate_py.skills.mixtures import expert_by_expert
from ipfs_accelerate_py.skills.ordered_numbers import by_comparison
from ipfs_accelerate_py.skills.overlapped_frames import by_hop
from ipfs_accelerate_py.skills.packed_pictures import by_grid
from ipfs_accelerate_py.skills.packed_sounds import by_length
from ipfs_accelerate_py.skills.paired_frames import by_missing
from ipfs_accelerate_py.skills.patch_squares import by_neighbours
from ipfs_accelerate_py.skills.pooled_places import by_block
from ipfs_accelerate_py.skills.prefixed_patches import by_places
from ipfs_accelerate_py.skills.prompted_texts import masked_by_truth
from ipfs_accelerate_py.skills.pruned_points import by_layers
from ipfs_accelerate_py.skills.quotients import rounded_down
from ipfs_accelerate_py.skills.ranked_queries import by_rank
from ipfs_accelerate_py.skills.recurrences import token_by_token
from ipfs_accelerate_py.skills.relative_places import by_distance
from ipfs_accelerate_py.skills.replacing import replaced
from ipfs_accelerate_py.skills.resized_pictures import by_matrices
from ipfs_accelerate_py.skills.shared_filters import by_channel
from ipfs_accelerate_py.skills.sized_depths import by_patches
from ipfs_accelerate_py.skills.sized_pictures import by_sizes
from ipfs_accelerate_py.skills.sliding_stretches import by_place
from ipfs_accelerate_py.skills.sound_lengths import by_counting
from ipfs_accelerate_py.skills.spread_masks import by_broadcasting
from ipfs_accelerate_py.skills.tiled_towers import by_tiles
from ipfs_accelerate_py.skills.turned_places import by_runs
from ipfs_accelerate_py.skills.windowed import by_band


@contextmanager
def traced() -> Iterator[None]:
    """Within this, all rewrites hold."""
    with ExitStack() as stack:
        stack.enter_context(expert_by_expert())
        stack.enter_context(repeats_by_shape())
        stack.enter_context(axes_from_the_front())
        stack.enter_context(squeezed_where_one())
        stack.enter_context(counted_as_numbers())
        stack.enter_context(reduced_from_nothing())
        stack.enter_context(said_otherwise())
        stack.enter_context(by_matrices())
        stack.enter_context(token_by_token())
        stack.enter_context(begun_with_states())
        stack.enter_context(decayed_by_token())
        stack.enter_context(by_grid())
        stack.enter_context(by_sizes())
        stack.enter_context(by_tiles())
        stack.enter_context(by_rows())
        stack.enter_context(by_runs())
        stack.enter_context(by_begins())
        stack.enter_context(by_tokens())
        stack.enter_context(by_squares())
        stack.enter_context(by_places())
        stack.enter_context(by_views())
        stack.enter_context(by_neighbours())
        stack.enter_context(by_length())
        stack.enter_context(rounded_down())
        stack.enter_context(by_counting())
        stack.enter_context(by_distance())
        stack.enter_context(by_block())
        stack.enter_context(by_rank())
        stack.enter_context(with_axes())
        stack.enter_context(by_place())
        stack.enter_context(by_chunk())
        stack.enter_context(by_band())
        stack.enter_context(by_broadcasting())
        stack.enter_context(without_drawing())
        stack.enter_context(by_order())
        stack.enter_context(as_points())
        stack.enter_context(by_layers())
        stack.enter_context(by_comparison())
        stack.enter_context(masked_by_truth())
        stack.enter_context(read_by_shares())
        stack.enter_context(by_least())
        stack.enter_context(as_pairs())
        stack.enter_context(by_channel())
        stack.enter_context(by_hop())
        stack.enter_context(by_missing())
        stack.enter_context(by_patches())
        yield


@contextmanager
def repeats_by_shape() -> Iterator[None]:
    """Within this, `repeat_interleave` by a number is an expanded axis, flattened.

    The exporter that traces knows it only for tensors all of whose sizes are known: rotary embeddings that turn pairs
    of neighbours (`models/cohere/modeling_cohere.py::CohereRotaryEmbedding`) stop it. A size that was read from a
    tensor is such a number, too, and a tensor without axes while it is traced (`models/yoso`: OpenVINO gathers by it,
    and forgets to). By a tensor of numbers it is: of each place, which of the tensor's it comes from.
    """
    import torch

    usual = torch.repeat_interleave

    def repeated(tensor: Any, repeats: Any = None, dim: int | None = None, **settings: Any) -> Any:
        if isinstance(repeats, torch.Tensor) and repeats.dim() == 1 and (dim == 0 or tensor.dim() == 1):
            ends = torch.cumsum(repeats, 0)
            return tensor[(torch.arange(ends[-1]).unsqueeze(1) >= ends).sum(1)]
        number = isinstance(repeats, int) or (isinstance(repeats, torch.Tensor) and not repeats.dim())
        if not number or dim is None:
            return usual(tensor, repeats, dim, **settings)
        place = dim % tensor.dim()
        sizes = [-1] * (tensor.dim() + 1)
        sizes[place + 1] = repeats
        return tensor.unsqueeze(place + 1).expand(sizes).flatten(place, place + 1)

    with replaced((torch, "repeat_interleave", repeated), (torch.Tensor, "repeat_interleave", repeated)):
        yield


@contextmanager
def axes_from_the_front() -> Iterator[None]:
    """Within this, `permute` counts its axes from the front, and moves an axis for `movedim`.

    The exporter that traces writes an axis counted from the end as it is, and ONNX knows none
    (`models/mamba2/modeling_mamba2.py::mamba2_chunk_scan`). Where an axis is moved to, it reckons wrongly if it knows
    not how many there are (`models/gemma4`).
    """
    import torch

    usual = torch.Tensor.permute

    def permuted(tensor: Any, *axes: Any) -> Any:
        given = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return usual(tensor, [axis % tensor.dim() for axis in given])

    def moved(tensor: Any, source: int, destination: int) -> Any:
        axes = list(range(tensor.dim()))
        axes.insert(destination % len(axes), axes.pop(source % len(axes)))
        return usual(tensor, axes)

    with replaced(
        (torch.Tensor, "permute", permuted),
        (torch.Tensor, "movedim", moved),
        (torch, "movedim", moved),
    ):
        yield


@contextmanager
def squeezed_where_one() -> Iterator[None]:
    """Within this, an axis that `squeeze` is told, and that is longer than one, is left without a word.

    PyTorch leaves it, too; but of an axis whose size varies ONNX gets a branch with results of two ranks, and OpenVINO
    takes the axis away (`models/mistral3`: the vectors of all pictures, behind each other).
    """
    import torch

    usual = torch.Tensor.squeeze

    def squeezed(tensor: Any, *given: Any, **named: Any) -> Any:
        dim = named.get("dim", given[0] if len(given) == 1 else None)
        if isinstance(dim, int) and tensor.dim() and tensor.shape[dim] != 1:
            return tensor
        return usual(tensor, *given, **named)

    with replaced((torch.Tensor, "squeeze", squeezed)):
        yield


@contextmanager
def reduced_from_nothing() -> Iterator[None]:
    """Within this, what is scattered without what was there is scattered onto nothing.

    ONNX always includes what was there (`models/tapas/modeling_tapas.py::_segment_reduce` leaves it out: the mean of
    the words of each cell, the first of their places).
    """
    import torch

    usual = torch.Tensor.scatter_reduce

    nothing = {"sum": 0.0, "mean": 0.0, "amax": float("-inf"), "amin": float("inf")}

    def reduced(
        tensor: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True
    ) -> Any:
        if include_self or reduce not in nothing or not tensor.is_floating_point():
            return usual(tensor, dim, index, src, reduce, include_self=include_self)
        counts = torch.zeros_like(tensor).scatter_add(dim, index, torch.ones_like(src))
        empty = torch.full_like(tensor, nothing[reduce])
        how = "sum" if reduce == "mean" else reduce
        whole = usual(empty, dim, index, src, how, include_self=True)
        return torch.where(counts > 0, whole / counts.clamp(min=1) if reduce == "mean" else whole, tensor)

    with replaced((torch.Tensor, "scatter_reduce", reduced)):
        yield


@contextmanager
def counted_as_numbers() -> Iterator[None]:
    """Within this, what is true is counted as ones: ONNX sums no booleans (chunked attention does)."""
    import torch

    usual = torch.Tensor.cumsum

    def summed(tensor: Any, *given: Any, **settings: Any) -> Any:
        return usual(tensor.long() if tensor.dtype == torch.bool else tensor, *given, **settings)

    with replaced((torch.Tensor, "cumsum", summed), (torch, "cumsum", summed)):
        yield


@contextmanager
def said_otherwise() -> Iterator[None]:
    """Within this, what is combined in place is combined anew, and what is taken along an axis is gathered.

    ONNX has neither `|=` and `&=` of masks (`models/modernvbert`) nor `take_along_dim` (`models/pp_doclayout_v2`), and
    the tracer finds no operation that scatters one truth value (`models/glm_moe_dsa`). What a cache begins with, an
    empty tensor of one axis, PyTorch leaves out when it joins tensors of more axes, and OpenVINO does not. Of what
    belongs to one place (`models/jetmoe`: what several experts say of a token), ONNX's `index_add` adds the last,
    `scatter_add` all.
    """
    import torch

    usual, usual_cat = torch.Tensor.scatter, torch.cat

    def scattered(tensor: Any, dim: int, index: Any, *given: Any, **settings: Any) -> Any:
        if tensor.dtype != torch.bool or len(given) != 1 or not isinstance(given[0], bool):
            return usual(tensor, dim, index, *given, **settings)
        return usual(tensor.long(), dim, index, int(given[0])).bool()

    def joined(tensors: Any, *given: Any, **settings: Any) -> Any:
        tensors = list(tensors)
        most = max((tensor.dim() for tensor in tensors), default=0)
        return usual_cat([each for each in tensors if each.dim() in (0, most)], *given, **settings)

    def taken(tensor: Any, indices: Any, dim: int) -> Any:
        place = dim % tensor.dim()
        pairs = zip(tensor.shape, indices.shape, strict=True)
        sizes = [
            -1 if axis == place or other in (own, 1) else other for axis, (own, other) in enumerate(pairs)
        ]
        spread = [-1 if axis == place else size for axis, size in enumerate(tensor.expand(sizes).shape)]
        return tensor.expand(sizes).gather(place, indices.expand(spread))

    def added(tensor: Any, dim: int, index: Any, source: Any) -> Any:
        along = [1] * source.dim()
        along[dim] = -1
        return tensor.scatter_add(dim, index.view(along).expand_as(source), source)

    with replaced(
        (torch.Tensor, "index_add", added),
        (torch.Tensor, "__ior__", torch.Tensor.__or__),
        (torch.Tensor, "__iand__", torch.Tensor.__and__),
        (torch, "take_along_dim", taken),
        (torch.Tensor, "take_along_dim", taken),
        (torch.Tensor, "scatter", scattered),
        (torch, "cat", joined),
    ):
        yield
