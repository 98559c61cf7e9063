"""Places in time, height and width of the tokens of texts with sounds and pictures that each begin with a token.

transformers goes through each text from one begin to the next, and asks grids and lengths for their numbers
(`models/qwen2_5_omni`, `models/qwen3_omni_moe`). Here what comes before a token is counted for all tokens at once. A
sound stands as words do; only pictures have a height and a width.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.packed_pictures import whole
from ipfs_accelerate_py.skills.replacing import classes_with, replaced


@contextmanager
def by_begins() -> Iterator[None]:
    """Within this, models that look for the begins of pictures and sounds in a text count where each token stands."""
    kinds = [
        kind
        for kind in classes_with("get_rope_index")
        if "ed_audio" in inspect.getsource(kind.get_rope_index)
    ]
    with replaced(*((kind, "get_rope_index", _counted(kind.get_rope_index)) for kind in kinds)):
        yield


def _counted(usual: Any) -> Any:
    """Return the method that tells places, which gives what `usual` gives: whole numbers, or real ones."""
    real = "dtype=torch.float" in inspect.getsource(usual)

    def counted(
        self: Any,
        input_ids: Any = None,
        image_grid_thw: Any = None,
        video_grid_thw: Any = None,
        attention_mask: Any = None,
        *given: Any,
        **settings: Any,
    ) -> tuple[Any, Any]:
        """Return the places, (3, texts, tokens), and how far what is written next is moved on, (texts, 1)."""
        import torch

        if video_grid_thw is not None or image_grid_thw is None or attention_mask is None:
            found: tuple[Any, Any] = usual(
                self, input_ids, image_grid_thw, video_grid_thw, attention_mask, *given, **settings
            )
            return found
        known = attention_mask == 1
        count = known.long().cumsum(1) - 1
        earlier = torch.ones_like(known[0].unsqueeze(0) & known[0].unsqueeze(1)).tril()
        # Of tokens that are none the next real one may not be the next.
        before = known.unsqueeze(1) & (count.unsqueeze(1) == count.unsqueeze(2) - 1)
        begins = (before & (input_ids == self.config.vision_start_token_id).unsqueeze(1)).any(2)
        first = known & begins & (input_ids == self.config.image_token_id)
        picture = (first.flatten().long().cumsum(0) - 1).clamp(min=0).reshape(first.shape)
        began = (first.unsqueeze(1) & earlier).long() * (count.unsqueeze(1) + 1)  # 0 before the first picture
        inner = count + 1 - began.amax(2)
        side = self.spatial_merge_size
        frames, high, wide = image_grid_thw[picture].unbind(-1)
        high, wide = whole(high, side), whole(wide, side)
        shown = known & (began.amax(2) > 0) & (inner < frames * high * wide)
        pace = self.config.position_id_per_seconds
        own = torch.stack([whole(inner, high * wide) * pace, whole(inner, wide) % high, inner % wide])
        longest = torch.maximum(torch.maximum(high, wide), (frames - 1) * pace + 1)
        # Words go on by one, and pictures by what is longest of them.
        passed = torch.where(first, longest, 0).cumsum(1) - torch.where(shown, longest, 0)
        start = (known & ~shown).long().cumsum(1) + passed - torch.where(shown, 0, 1)
        places = start.unsqueeze(0) + torch.where(shown, own, 0)
        shift = torch.where(known, places, 0).amax((0, 2)).unsqueeze(1) + 1 - known.sum(1, keepdim=True)
        places = torch.where(known, places, 0 if real else 1)
        return (places.float(), shift.float()) if real else (places.to(input_ids.dtype), shift)

    return counted
