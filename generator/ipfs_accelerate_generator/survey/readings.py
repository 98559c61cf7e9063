"""What of a head's output is read, and whether the templates of its task read and feed it so."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any, Final

from ipfs_accelerate_generator.survey import shown
from ipfs_accelerate_generator.survey.foreign import FOREIGN
from ipfs_accelerate_generator.survey.pictured import GRIDS, usual
from ipfs_accelerate_generator.survey.replaced import read_as_tokens
from ipfs_accelerate_generator.survey.running import Feed, forward, settled
from ipfs_accelerate_generator.survey.shape import IMAGE_SIZES, number
from ipfs_accelerate_generator.survey.subject import Candidate

NOISE: Final = "noise"
_BEGINS: Final = "decoder_input_ids"
_BOXES: Final = "bbox"
_TEXTS: Final = frozenset({"input_ids", "attention_mask", "token_type_ids", _BOXES})
_VECTORS: Final = ("last_hidden_state", "pooler_output")
"""What the template of texts makes a vector of."""


def pooling(candidate: Candidate, model: Any, feed: Feed) -> str:
    """Return how an image's vector comes from the output; "" where it is a vector, or the task wants none."""
    if candidate.task != "image-feature-extraction":
        return ""
    found = forward(model, feed.made(), candidate.method)[feed.output]
    if found.dim() == 4:
        return "map"
    patches = (number(model.config, IMAGE_SIZES, 0) // number(model.config, ("patch_size",), 1)) ** 2
    if found.dim() == 3:
        return "first" if found.shape[1] > patches > 0 else "mean"
    return ""


def pictures(model: Any, feed: Feed) -> str:
    """Return how the pictures in a text lie, as `Head.pictures` says it; "" where no template knows that."""
    if not feed.shape.pictured or not usual(model, feed.made()):
        return ""
    if feed.shape.form in shown.STRANGE:
        return ""  # what these are, no template knows
    axes, cut = feed.made()["pixel_values"].dim(), any(name.endswith(GRIDS) for name in feed.names)
    if axes == 5 and "image_sizes" in feed.names:
        return "tiled"
    found = {5: "nested", 4: "cut" if cut else "whole", 3: "rows", 2: "patches"}.get(axes, "")
    return found if found == "rows" or read_as_tokens(model, feed.made()) else ""


def with_noise(candidate: Candidate, model: Any, feed: Feed) -> Feed:
    """Return `feed` with the noise or the first ids that the class takes, if it draws some where it is given none.

    A result that differs from call to call cannot be compared; with what it is drawn from it is a function again.
    """
    import torch

    signature = inspect.signature(candidate.call).parameters
    name = next((each for each in (NOISE, _BEGINS) if each in signature and each not in feed.names), None)
    if name is None:
        return feed
    first, second = (forward(model, feed.made(), candidate.method, seed=seed)[feed.output] for seed in (0, 1))
    if torch.equal(first, second):
        return feed
    return settled(candidate, model, tuple(each for each in signature if each in (*feed.names, name)))


def drawn(candidate: Candidate, model: Any, feed: Feed) -> bool:
    """Whether what the head draws at random shows in what is read of it, as `Head.drawn` says it.

    The order of patches, for example, is one of the sums that are made of them: it is seen in how these are rounded.
    """
    import torch

    first, second = (forward(model, feed.made(), candidate.method, seed=seed)[feed.output] for seed in (0, 1))
    return not torch.equal(first, second)


def misread(candidate: Candidate, model: Any, feed: Feed) -> bool:
    """Whether the head wants or gives something else than the templates of texts and of pictures know.

    So it is if it cannot do without the boxes of the words, which no tokenizer makes; if it gives no vector for a
    text, or one for each token of which there are more or fewer than the mask has; and if a picture is one of several
    of a film, which have to come together, or what is read of it not what a pipeline would read, the first of all.
    """
    made = feed.made()
    if candidate.task == "image-feature-extraction" and not candidate.method:
        filmed = "pixel_values" in made and made["pixel_values"].shape[0] != feed.shape.batch
        return bool(filmed or next(iter(forward(model, made))) != feed.output)
    if _BEGINS in feed.names and candidate.task == "feature-extraction":
        return _begins_anywhere(candidate, model, feed)
    if not _TEXTS.issuperset(feed.names):
        return False
    if _BOXES in feed.names and not _does_without(candidate, model, feed, _BOXES):
        return True
    if candidate.task != "feature-extraction":
        return False
    if candidate.method:
        return (
            feed.output != "pooler_output" or forward(model, made, candidate.method)[feed.output].dim() != 2
        )
    if feed.output not in _VECTORS:
        return True
    if feed.output == "pooler_output" or "attention_mask" not in made:
        return False
    found = forward(model, made)[feed.output]
    return bool(found.shape[:2] != made["attention_mask"].shape)


def _begins_anywhere(candidate: Candidate, model: Any, feed: Feed) -> bool:
    """Whether the class draws ids to begin with where it is given none, so that no text alone says what it gives."""
    rest = replace(feed, names=tuple(name for name in feed.names if name != _BEGINS))
    return _does_without(candidate, model, feed, _BEGINS) and drawn(candidate, model, rest)


def _does_without(candidate: Candidate, model: Any, feed: Feed, name: str) -> bool:
    """Whether the head takes what `feed` makes less `name`."""
    rest = {key: value for key, value in feed.made().items() if key != name}
    try:
        forward(model, rest, candidate.method)
    except FOREIGN:
        return False
    return True
