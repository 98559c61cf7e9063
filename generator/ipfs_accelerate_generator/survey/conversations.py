"""What a class that only generates is given: a text, with what its first part sees and hears in it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from ipfs_accelerate_generator.survey import given, pictured, spoken
from ipfs_accelerate_generator.survey.placed import named, vectors
from ipfs_accelerate_generator.survey.shape import number, text
from ipfs_accelerate_generator.tensor import Tensor

SEEN: Final = ("pixel_values", "pixel_values_videos")
HEARD: Final = ("input_features",)
CARRYING: Final = ("input_ids", *SEEN, *HEARD)
_PICTURED: Final = ("pixel_values", "image_grid_thw")
_FILMED: Final = ("pixel_values_videos", "video_grid_thw", "video_second_per_grid")
_SOUNDING: Final = ("input_features", "feature_attention_mask")
_FILM: Final = ("video_token_id", "video_token_index")
_KINDS: Final[tuple[tuple[tuple[str, ...], str, Callable[[Any], int | None], str], ...]] = (
    (_PICTURED, "get_image_features", pictured.image_token, "vision"),
    (_FILMED, "get_video_features", lambda config: named(config, _FILM), "vision"),
    (_SOUNDING, spoken.METHOD, spoken.sound_token, "audio"),
)
_WORDS: Final = 8
_FRAMES: Final = 2  # of a film, each of as many pictures as make one patch
_ROLES: Final = ("user_token_id", "assistant_token_id")
_BEGINS: Final = "im_start_token_id"
_LEAST: Final = 20  # special tokens have the smallest ids


def made(model: Any, kinds: Collection[str], *, size: int = 1, seed: int = 0) -> dict[str, Any]:
    """Return what the first part of `model` is given, in the order of its signature; with a `size` of 2 twice of each.

    Of what its first part sees and hears, what is called one of `kinds` stands in its text.
    """
    import torch

    part, generator = _part(model), torch.Generator().manual_seed(seed)
    wanted = inspect.signature(part.forward).parameters
    found: dict[str, Any] = {}
    pieces: list[int] = []
    for names, method, token, kind in _KINDS:
        stands = token(part.config)
        if names[0] not in kinds or not {*names} <= {*wanted} or stands is None:
            continue
        one = {name: _numbers(name, part.config, size, generator) for name in names}
        count = vectors(part, method, one)
        ends = [getattr(part.config, f"{kind}_{end}_token_id", None) for end in ("start", "end")]
        for _ in range(size):
            words = _words(model, 2, generator)
            begin, end = (word if each is None else each for each, word in zip(ends, words, strict=True))
            pieces += [begin, *[stands] * ((count or 0) // size), end]
        found |= one
    ids = torch.tensor([_asked(model, [*pieces, *_words(model, _length(model, size), generator)], generator)])
    found |= {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return {name: found[name] for name in wanted if name in found}


def described(usual: Mapping[str, Any], more: Mapping[str, Any], model: Any) -> tuple[Tensor, ...]:
    """Return what is `usual`, and what is `more` in size, as a spec says it."""
    literal = {name for name in usual if name.endswith("grid_thw")}
    if bool((usual["input_ids"] < _LEAST).any()):
        literal.add("input_ids")
    tied = bool(literal)
    tensors = tuple(
        _tensor(name, tensor, more[name], literal=name in literal, tied=tied)
        for name, tensor in usual.items()
    )

    def remade(config: Any) -> dict[str, Any]:
        import torch

        part, generator = next(iter(_parts(config))), torch.Generator().manual_seed(0)
        own = {name for names, *_ in _KINDS for name in names}
        return {
            name: _numbers(name, part, 1, generator) if name in own else tensor
            for name, tensor in usual.items()
        }

    return given.sized(tensors, remade, model.config)


def _tensor(name: str, tensor: Any, other: Any, *, literal: bool, tied: bool) -> Tensor:
    vary = tuple(
        axis for axis, (size, more) in enumerate(zip(tensor.shape, other.shape, strict=True)) if size != more
    )
    said: dict[str, Any] = {"name": name, "shape": tuple(tensor.shape), "vary": vary}
    if tied and vary:
        said["other_shape"] = tuple(other.shape)
    if tensor.is_floating_point():
        if not bool((tensor < 0).any()):  # lengths
            said |= {"low": 1, "high": 2}
        return Tensor(dtype="float32", **said)
    if literal:
        return Tensor(dtype="int64", values=tensor.tolist(), other_values=other.tolist(), **said)
    return Tensor(dtype="int64", low=int(tensor.min()), high=int(tensor.max()) + 1, **said)


def _part(model: Any) -> Any:
    """Return the part of `model` that begins."""
    return next(model.children())


def _parts(config: Any) -> list[Any]:
    """Return the configurations of the parts, in the order of their fields."""
    from transformers import PreTrainedConfig

    return [each for each in vars(config).values() if isinstance(each, PreTrainedConfig)]


def _numbers(name: str, config: Any, size: int, generator: Any) -> Any:
    """Return the input `name` of `size` pictures, films or sounds."""
    import torch

    merge, patch = number(config, ("spatial_merge_size",), 2), number(config, ("patch_size",), 8)
    rows, columns = 2 * merge, 3 * merge
    width = 3 * number(config, ("temporal_patch_size",), 1) * patch**2
    bands, frames = number(config, ("num_mel_bins",), 80), 2 * number(config, ("max_source_positions",), 50)
    match name:
        case "pixel_values":
            return torch.randn(size * rows * columns, width, generator=generator)
        case "pixel_values_videos":
            return torch.randn(size * _FRAMES * rows * columns, width, generator=generator)
        case "image_grid_thw":
            return torch.tensor([[1, rows, columns]] * size)
        case "video_grid_thw":
            return torch.tensor([[_FRAMES, rows, columns]] * size)
        case "video_second_per_grid":
            return torch.ones(size)
        case "input_features":
            return torch.randn(size, bands, frames, generator=generator)
        case _:
            return torch.ones(size, frames, dtype=torch.long)


def _words(model: Any, count: int, generator: Any) -> list[int]:
    """Return ids of words, which stand for nothing else."""
    import torch

    if stages := getattr(model.generation_config, "semantic_config", None):
        highest = stages["text_pad_token"] - stages["text_encoding_offset"]
    else:
        highest = number(text(_part(model).config), ("vocab_size",), 64)
    return list(torch.randint(_LEAST, highest, (count,), generator=generator).tolist())


def _length(model: Any, size: int) -> int:
    """Return how many words are said: as many as a class takes that takes no other number, or some."""
    stages = getattr(model.generation_config, "semantic_config", None)
    return stages["max_input_semantic_length"] if stages else _WORDS * size


def _asked(model: Any, ids: list[int], generator: Any) -> list[int]:
    """Return `ids` as what a user says, before an assistant begins to, where the whole knows these roles."""
    begins, *roles = (getattr(model.config, name, None) for name in (_BEGINS, *_ROLES))
    if begins is None:
        return ids
    user, assistant = roles
    return [begins, user, *ids, begins, assistant, *_words(model, 1, generator)]
