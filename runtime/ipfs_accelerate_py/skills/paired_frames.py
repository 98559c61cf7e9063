"""Frames of two encoders that hear one sound side by side, while a graph is traced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ipfs_accelerate_py.skills.replacing import in_classes, replaced


@contextmanager
def by_missing() -> Iterator[None]:
    """Within this, a sound is filled up by as much silence as its second encoder's frames are fewer.

    A codec that hears words and sounds apart (`models/higgs_audio_v2_tokenizer`) compares how many frames both encoders
    make of the sound at hand, and puts silence around it where they differ: by one frame. A traced graph would do for
    each sound what was right for the example. Here the silence is as long as the difference: none where there is none.
    """
    with replaced(*in_classes({"HiggsAudioV2TokenizerModel": _encoded}, "encode")):
        yield


def _encoded(self: Any, input_values: Any, bandwidth: Any = None, return_dict: Any = None) -> Any:
    import torch

    words = self._extract_semantic_features(input_values).detach()
    words = self.encoder_semantic(words.transpose(1, 2))
    heard = _length(self._get_conv1d_layers(self.acoustic_encoder), input_values.shape[2])
    silence = input_values.new_zeros(*input_values.shape[:2], self.pad * (words.shape[2] - heard))
    sounds = self.acoustic_encoder(torch.cat([silence, input_values, silence], dim=2))
    joined = self.fc(torch.cat([sounds, words], dim=1).transpose(1, 2)).transpose(1, 2)
    rate = self.config.target_bandwidths[-1] if bandwidth is None else bandwidth
    codes = self.quantizer.encode(joined, rate).transpose(0, 1)
    return codes if return_dict is False else _Coded(codes)


def _length(layers: Iterable[Any], samples: Any) -> Any:
    """Return how many frames convolutions make of `samples`: transformers' own count is no size of a graph."""
    for layer in layers:
        reach = layer.dilation[0] * (layer.kernel_size[0] - 1) + 1
        samples = (samples + 2 * layer.padding[0] - reach) // layer.stride[0] + 1
    return samples


@dataclass(frozen=True)
class _Coded:
    """What the usual method gives, as far as it is read."""

    audio_codes: Any
