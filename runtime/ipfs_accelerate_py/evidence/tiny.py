"""Small random checkpoints with real tokenizers and sensitive weights, made offline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ipfs_accelerate_py.skills.checkpoint import Checkpoint

SEED = 20260307  # any number does; a fixed one makes every run the same
VOCABULARY = 200

# Enough words to train a tokenizer on, and the inputs of the generated tests: of unequal length, and one with words
# that the tokenizer has to take apart.
TEXTS = (
    "A cat sat on the mat.",
    "Two dogs ran over the green hill, and a third one slept in the sun until the evening came.",
    "Rain.",
    "Why would anybody measure unbelievably small numbers twice?",
)


def trained(tokenizer_class: Any) -> Any:
    """Return a tokenizer of `tokenizer_class` with a vocabulary trained on `TEXTS`."""
    return tokenizer_class().train_new_from_iterator(TEXTS, vocab_size=VOCABULARY)


def saved(
    folder: Path, build: Callable[[], Any], processors: Sequence[Any], *, gain: float = 1.0
) -> Checkpoint:
    """Write the model that `build` makes, from a fixed seed, and its processors; weights are multiplied by `gain`.

    Buffers, biases and the scales of normalisation stay as they are: only matrices make a model sensitive.
    """
    import torch

    torch.manual_seed(SEED)
    model = build().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(gain)
    model.save_pretrained(folder)
    for processor in processors:
        processor.save_pretrained(folder)
    return Checkpoint(str(folder))
