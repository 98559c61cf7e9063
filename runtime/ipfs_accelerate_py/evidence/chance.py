"""What a model draws at random on the way to an answer: the same again, where two answers are to be alike."""

from __future__ import annotations

from typing import Final

_SEED: Final = 5


def drawing_alike() -> None:
    """Let what is drawn from now on be what was drawn after the last such call."""
    import torch

    torch.manual_seed(_SEED)
