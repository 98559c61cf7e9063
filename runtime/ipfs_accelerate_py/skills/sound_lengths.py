"""Lengths of sounds behind convolutions and durations, counted while a graph is traced, and not kept.

Each of these asks a tensor for a number, or branches by a length: an export would keep that of its example.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.packed_pictures import whole
from ipfs_accelerate_py.skills.replacing import around, in_classes, in_models, replaced


@contextmanager
def by_counting() -> Iterator[None]:
    """Within this, encoders and decoders of sounds count lengths in tensors."""
    with replaced(
        *around({"SEWEncoder": _as_long_as_given, "SEWDEncoder": _as_long_as_given}, "forward"),
        *around({"SEWUpsampling": _filled_up, "SEWDUpsampling": _filled_up}, "forward"),
        *around({"EncodecModel": _cut}, "decode"),
        *in_classes({"MoonshinePreTrainedModel": _convolved}, "_get_feat_extract_output_lengths"),
        *in_models({"length_regulator": _lasting}),
    ):
        yield


def _filled_up(usual: Any) -> Any:
    """Return the spreading of squeezed frames, with silence for all that may have filled no frame."""
    import torch

    def forward(self: Any, hidden_states: Any) -> Any:
        return torch.nn.functional.pad(usual(self, hidden_states), (0, 0, 0, self.squeeze_factor - 1))

    return forward


def _as_long_as_given(usual: Any) -> Any:
    """Return an encoder whose states are as many as it is given: of frames that filled up it gives back some more."""

    def forward(self: Any, hidden_states: Any, *given: Any, **settings: Any) -> Any:
        length = hidden_states.shape[1]  # before it: the encoder changes what it is given
        found = usual(self, hidden_states, *given, **settings)
        found.last_hidden_state = found.last_hidden_state[:, :length]
        return found

    return forward


def _cut(usual: Any) -> Any:
    """Return the decoding of codes, cut to the length of the mask: whether it is longer depends on the length."""

    def decode(
        self: Any, audio_codes: Any, audio_scales: Any, padding_mask: Any = None, *given: Any, **settings: Any
    ) -> Any:
        found = usual(self, audio_codes, audio_scales, None, *given, **settings)
        length = None if padding_mask is None else padding_mask.shape[-1]
        if isinstance(found, tuple):
            return (found[0][..., :length], *found[1:])
        found.audio_values = found.audio_values[..., :length]
        return found

    return decode


def _convolved(self: Any, input_lengths: Any) -> Any:
    """Return how many states the convolutions of Moonshine make of so many samples."""
    for kernel, stride in ((127, 64), (7, 3), (3, 2)):
        input_lengths = whole(input_lengths - kernel, stride) + 1
    return input_lengths


def _lasting(encoded_embeddings: Any, duration_labels: Any, speaking_speed: float = 1.0) -> Any:
    """Return each of the embeddings (rows, places, width) as often as it lasts, filled up with zeros."""
    import torch

    if speaking_speed <= 0:
        raise ValueError("`speaking_speed` must be greater than 0.")
    if speaking_speed != 1.0:
        duration_labels = torch.round(duration_labels.float() * speaking_speed).long()
    # Where nothing lasts at all, everything lasts for a frame.
    duration_labels.masked_fill_(
        duration_labels.sum() == 0, 1
    )  # in place, as there: what is told of them changes, too
    ends = torch.cumsum(duration_labels, 1)
    frame = torch.arange(ends[:, -1].max())
    place = (frame[None, :, None] >= ends[:, None, :]).sum(-1)
    last = encoded_embeddings.shape[1] - 1
    index = torch.clamp(place, max=last).unsqueeze(-1).expand(-1, -1, encoded_embeddings.shape[2])
    return encoded_embeddings.gather(1, index) * (place <= last).unsqueeze(-1).float()
