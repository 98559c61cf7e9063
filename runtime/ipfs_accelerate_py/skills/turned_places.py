"""Places in time, height and width of the tokens of texts with pictures, reckoned without asking for a number.

transformers goes through each text run by run, and from grid to grid (`get_rope_index`). Here what comes before a
token is counted for all tokens at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.packed_pictures import whole
from ipfs_accelerate_py.skills.replacing import classes_with, replaced


@contextmanager
def by_runs() -> Iterator[None]:
    """Within this, models that are told the kind of each token count where it stands."""
    with replaced(*_places()):
        yield


def _places() -> Iterator[tuple[Any, str, Any]]:
    for kind in classes_with("get_rope_index"):
        source = inspect.getsource(kind.get_rope_index)
        if "image_index" in source:
            yield kind, "get_rope_index", _numbered
        elif "video_grid_thw[:, 0] = 1" in source:
            yield kind, "get_rope_index", _turned(kind.get_rope_index)


class _Runs:
    """Of each token, (texts, tokens): whether it is real, and of which picture, and of that which one it is."""

    def __init__(self, kinds: Any, mask: Any) -> None:
        import torch

        self.real = torch.ones_like(kinds, dtype=torch.bool) if mask is None else mask.bool()
        self.shown = self.real & (kinds == 1)
        self.count = self.real.long().cumsum(1) - 1
        words = (self.real & (kinds != 1)).long().cumsum(1)
        # Those of one picture have no word between them.
        run = self.shown.unsqueeze(1) & (words.unsqueeze(1) == words.unsqueeze(2))
        self.length = run.long().sum(2)
        earlier = torch.ones_like(run[0]).tril(-1)
        self.inner = (run & earlier).long().sum(2)
        self.first = self.shown & (self.inner == 0)
        # A picture counts through all texts of a batch.
        self.picture = (self.first.flatten().long().cumsum(0) - 1).clamp(min=0).reshape(kinds.shape)
        self.words = words


def _numbered(
    self: Any,
    input_ids: Any,
    mm_token_type_ids: Any,
    image_grid_thw: Any = None,
    attention_mask: Any = None,
    **_: Any,
) -> tuple[Any, Any]:
    """Return the places, (axes, texts, tokens): of tokens of pictures the last three are column, row and picture."""
    import torch

    axes = len(self.config.text_config.rope_parameters["mrope_section"])
    runs, side = _Runs(mm_token_type_ids, attention_mask), self.config.vision_config.spatial_merge_size
    places = runs.count.unsqueeze(0).expand(axes, -1, -1)
    if image_grid_thw is not None:
        high = whole(image_grid_thw[runs.picture, 1], side)
        wide = whole(image_grid_thw[runs.picture, 2], side) + 1  # each row ends with a token
        # A picture may have a token before, and one behind.
        at = runs.inner - (runs.length == high * wide + 2).long()
        inside = runs.shown & (at >= 0) & (at < high * wide)
        own = torch.stack([at % wide, whole(at, wide), runs.picture])
        places = torch.cat([places[3:], torch.where(inside, own, places[:3])])
    return _told(places, runs, input_ids)


def _turned(usual: Any) -> Any:
    def turned(
        self: Any,
        input_ids: Any,
        mm_token_type_ids: Any,
        image_grid_thw: Any = None,
        video_grid_thw: Any = None,
        **given: Any,
    ) -> tuple[Any, Any]:
        """Return the places, (3, texts, tokens), in time, height and width; those of films as `usual` does."""
        import torch

        if video_grid_thw is not None or image_grid_thw is None:
            grids = {"image_grid_thw": image_grid_thw, "video_grid_thw": video_grid_thw}
            places, shift = usual(self, input_ids, mm_token_type_ids, **grids, **given)
            return places, shift
        runs = _Runs(mm_token_type_ids, given.get("attention_mask"))
        side = self.config.vision_config.spatial_merge_size
        grids = image_grid_thw[runs.picture]
        high, wide = whole(grids[..., 1], side), whole(grids[..., 2], side)
        # Words go on by one, and pictures by their longer side.
        longer = whole(torch.maximum(grids[..., 1], grids[..., 2]), side)
        passed = torch.where(runs.first, longer, 0)
        start = runs.words + passed.cumsum(1) - torch.where(runs.shown, 0, 1)
        start = start - torch.where(runs.shown, longer, 0)
        frame = whole(runs.inner, high * wide)
        own = torch.stack([frame, whole(runs.inner, wide) % high, runs.inner % wide])
        places = start.unsqueeze(0) + torch.where(runs.shown, own, 0)
        return _told(places, runs, input_ids)

    return turned


def _told(places: Any, runs: _Runs, ids: Any) -> tuple[Any, Any]:
    """Return the places of real tokens, and how far what is written next is moved on, (texts, 1)."""
    import torch

    places = torch.where(runs.real, places, 0)
    return places.to(ids.dtype), places.amax((0, 2)).unsqueeze(1) + 1 - runs.real.sum(1, keepdim=True)
