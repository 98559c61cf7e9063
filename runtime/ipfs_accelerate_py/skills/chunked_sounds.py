"""Sounds of which a frame sees the chunks before it, and sounds that are cut where they are too long, at any length.

transformers lists where the chunks begin in numbers of Python, and cuts a sound only where it is too long
(`models/phi4_multimodal`): an export would keep the list and the choice of its example. Here of which chunk a frame is
comes from its number, and a sound that is not too long is cut into one piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from ipfs_accelerate_py.skills.packed_pictures import whole
from ipfs_accelerate_py.skills.replacing import classes_with, in_classes, replaced

_LONGEST: Final = 500  # frames that the encoder of Phi-4 takes at once, a number in its code


@contextmanager
def by_chunk() -> Iterator[None]:
    """Within this, encoders tell chunks by the numbers of frames, and masks take the rows of what they compare."""
    with replaced(
        *in_classes({"Phi4MultimodalAudioModel": _in_pieces}, "forward"),
        *((owner, "_length_to_mask", _as_long) for owner in classes_with("_length_to_mask")),
    ):
        yield


def _in_pieces(self: Any, hidden_states: Any, mask: Any, **_: Any) -> Any:
    """Return the states of sounds (rows, frames, bands), each piece of which sees itself alone."""
    import torch

    states, heard = self.embed(self.encoder_embedding(hidden_states), mask)
    rows, length, width = states.shape
    piece = torch.arange(length)[:_LONGEST].shape[0]  # as long as the sound, where that is short enough
    filled = whole(torch.tensor(length) + piece - 1, piece) * piece
    states = torch.cat([states, states.new_zeros(rows, piece, width)], dim=1)[:, :filled]
    states = states.reshape(-1, piece, width)
    seen = _seen(torch.arange(piece), self.config.chunk_size, self.config.left_chunk)[None]
    if heard is not None:
        heard = torch.cat([heard[:, 0], heard.new_zeros(heard.shape[0], piece)], dim=1)[:, :filled]
        lengths = heard.reshape(-1, piece).sum(1)
        seen = (torch.arange(piece) < lengths.unsqueeze(1)).unsqueeze(1) & seen
    bias = seen.unsqueeze(1) + self.relative_attention_bias_layer(states)
    for layer in self.encoders:
        states = layer(states, bias)
    return states.reshape(rows, -1, width)[:, :length]


def _seen(places: Any, chunk: int, before: int) -> Any:
    """Return which places each one sees, (places, places): those of its own chunk and of so many chunks before it.

    With a `chunk` below 0 all are of one.
    """
    if chunk < 0:
        return places.unsqueeze(1) >= 0 * places
    at = whole(places, chunk)
    first = (at - before).clamp(min=0) * chunk
    return (places >= first.unsqueeze(1)) & (places < ((at + 1) * chunk).unsqueeze(1))


def _as_long(self: Any, length: Any, max_len: Any = None, dtype: Any = None, device: Any = None) -> Any:
    """Return which places of each row are before its `length`, (rows, places)."""
    import torch

    places = torch.arange(length.max() if max_len is None else max_len, device=length.device)
    return (places.to(length.dtype) < length.unsqueeze(1)).to(dtype=dtype or torch.bool, device=device)
