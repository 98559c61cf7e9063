"""How far places of a sound are from each other, told while a graph is traced, for sounds of any length.

Conformers keep a table of distances and make a longer one for a sound that does not fit: which of the two an example
takes, and how long that table is, an export would keep (`models/wav2vec2_conformer`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from ipfs_accelerate_py.skills.replacing import around, replaced

_TABLES: Final = (
    "FastSpeech2ConformerRelPositionalEncoding",
    "SeamlessM4TConformerRelPositionalEmbedding",
    "Wav2Vec2BertRelPositionalEmbedding",
    "Wav2Vec2ConformerRelPositionalEmbedding",
)


@contextmanager
def by_distance() -> Iterator[None]:
    """Within this, distances are reckoned anew for each sound, and no table is kept."""
    with replaced(*around(dict.fromkeys(_TABLES, _reckoned), "forward")):
        yield


def _reckoned(usual: Any) -> Any:
    return lambda self, hidden_states: usual(_Tableless(self), hidden_states)


class _Tableless:
    """A module of such a class whose table has the length of the sound, and which keeps none."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    def extend_pe(self, sound: Any, pe: Any) -> Any:
        """Return sines and cosines of all distances, the farthest to the left first, (1, 2 * length - 1, width)."""
        import torch

        width = pe.shape[-1]
        length = sound.shape[1]
        distance = (length - 1 - torch.arange(2 * length - 1)).float().unsqueeze(1)
        pace = torch.exp(torch.arange(0, width, 2).float() * -(math.log(10000.0) / width))
        angles = distance * pace
        return torch.stack([torch.sin(angles), torch.cos(angles)], -1).flatten(-2).unsqueeze(0)

    extend_pos_enc = extend_pe
