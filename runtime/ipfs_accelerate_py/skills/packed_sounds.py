"""Encoders that take sounds of any length packed behind each other, in pieces, so that tracing keeps no length.

transformers cuts sounds into pieces of one length and windows of several pieces by loops over numbers that it asks a
tensor for (`models/qwen2_5_omni`, `models/qwen3_omni_moe`, `models/qwen3_asr`). Here of which sound a piece is, and how
long, is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.packed_pictures import numbered, starts_of, whole
from ipfs_accelerate_py.skills.replacing import in_models, replaced

_LENGTHS = "_get_feat_extract_output_lengths"


@contextmanager
def by_length() -> Iterator[None]:
    """Within this, the encoders of all models that are loaded ask no tensor for the length of a sound."""
    usual = [
        (module, name, getattr(module, name)) for module, name, _ in in_models({"get_valid_indices": None})
    ]
    windows = [
        (module, name, _windows(getattr(module, _LENGTHS)))
        for module, name, _ in in_models({"get_audio_cu_seqlens": None}, beside=_LENGTHS)
    ]
    with replaced(
        *in_models({"chunk_and_pad_features": _pieces}),
        *((module, name, _unasked(function)) for module, name, function in usual),
        *windows,
    ):
        yield


def _cut(lengths: Any, piece: Any) -> tuple[Any, Any, Any]:
    """Return of each piece of sounds of these `lengths`: its sound, where in it it begins, and its own length."""
    import torch

    sound, number = numbered(whole(lengths + piece - 1, piece))
    start = number * piece
    left = lengths[sound] - start
    return sound, start, torch.where(left < piece, left, piece)


def _pieces(
    input_features: Any, feature_lens: Any, n_window: int, kwargs: dict[str, Any] | None = None
) -> tuple[Any, Any]:
    """Return the pieces of sounds, (pieces, bands, frames of the longest), and how long each is.

    `input_features` (bands, frames) are all sounds behind each other, `feature_lens` (sounds,) their lengths.
    """
    import torch

    if kwargs is not None:
        known = kwargs.pop("padded_feature", None), kwargs.pop("chunk_lengths", None)
        if known[0] is not None and known[1] is not None:
            return known
    sound, start, lengths = _cut(feature_lens, n_window * 2)
    within = torch.arange(lengths.max()).unsqueeze(0)
    first = starts_of(feature_lens)[sound] + start
    heard = within < lengths.unsqueeze(1)
    frames = torch.where(heard, first.unsqueeze(1) + within, 0)
    found = input_features.T[frames] * heard.unsqueeze(-1).to(input_features.dtype)
    return found.transpose(1, 2), lengths


def _windows(after_convolution: Callable[..., Any]) -> Callable[..., Any]:
    """Return what tells where each window begins, given how long a sound is `after_convolution`."""

    def starts(
        chunk_lengths: Any,
        feature_lens: Any,
        n_window_infer: int,
        n_window: int,
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        import torch

        if kwargs is not None and (known := kwargs.pop("cu_seqlens", None)) is not None:
            return known
        longest = after_convolution(chunk_lengths, n_window).max()
        window = longest * (n_window_infer // (n_window * 2))
        _, _, lengths = _cut(after_convolution(feature_lens, n_window), window)
        return torch.nn.functional.pad(torch.cumsum(lengths, 0), (1, 0)).to(torch.int32)

    return starts


def _unasked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` with the tensors that it asks for their only number, in place of the number."""
    import torch

    def called(*given: Any, **settings: Any) -> Any:
        with replaced((torch.Tensor, "item", lambda tensor: tensor)):
            return function(*given, **settings)

    return called
