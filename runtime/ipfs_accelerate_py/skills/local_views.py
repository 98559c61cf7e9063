"""Towers that see parts of a picture and then all of it, as many parts as they are told, laid out for all at once.

transformers takes the vectors of one picture after the other, as many as there are pictures and parts in the example
(`models/deepseek_ocr2`, `models/step3p7`, `models/unlimited_ocr`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.packed_pictures import numbered, starts_of
from ipfs_accelerate_py.skills.replacing import around, in_classes, replaced


@contextmanager
def by_views() -> Iterator[None]:
    """Within this, such towers count neither pictures nor their parts."""
    with replaced(
        *in_classes({"Step3p7Model": _viewed, "DeepseekOcr2Model": _separated}, "get_image_features"),
        *around({"UnlimitedOcrModel": _ended}, "get_image_features"),
    ):
        yield


def _viewed(
    self: Any, pixel_values: Any, pixel_values_local: Any = None, num_local_patches: Any = None, **given: Any
) -> Any:
    """Return the tower's output with the vectors of all pictures: those of its parts, then those of all of it."""
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    given.pop("return_dict", None)
    output = self.vision_model(pixel_values, **given)
    views = self.multi_modal_projector(output.last_hidden_state)
    parts = None
    if pixel_values_local is not None:
        seen = self.vision_model(pixel_values_local, **{**given, "output_hidden_states": False})
        parts = self.multi_modal_projector(seen.last_hidden_state)
    return BaseModelOutputWithPooling(
        last_hidden_state=output.last_hidden_state,
        pooler_output=[joined(views, parts, num_local_patches)],
        hidden_states=output.hidden_states,
        attentions=output.attentions,
    )


def _separated(
    self: Any, pixel_values: Any, pixel_values_local: Any = None, num_local_patches: Any = None, **given: Any
) -> Any:
    """Return the same, and behind each picture the vector that separates it from the next."""
    given.pop("return_dict", None)
    output = self.vision_tower(pixel_values, **given)
    views = self.multi_modal_projector(output.last_hidden_state)
    parts, of_parts = None, {}
    if pixel_values_local is not None:
        local = self.vision_tower(pixel_values_local, **given)
        parts = self.multi_modal_projector(local.last_hidden_state)
        of_parts = {
            f"local_{name}": getattr(local, name)
            for name in ("last_hidden_state", "hidden_states", "attentions")
        }
    views = _with_end(views, self.view_separator)
    return sys.modules[type(self).__module__].DeepseekOcr2ModelOutputWithPooling(
        last_hidden_state=output.last_hidden_state,
        pooler_output=[joined(views, parts, num_local_patches)],
        hidden_states=output.hidden_states,
        attentions=output.attentions,
        **of_parts,
    )


def _ended(usual: Any) -> Any:
    def ended(self: Any, pixel_values: Any, pixel_values_local: Any = None, *which: Any, **given: Any) -> Any:
        """Return the vectors of whole pictures, each row with its end, and behind each picture the separator."""
        if pixel_values_local is not None:
            return usual(self, pixel_values, pixel_values_local, *which, **given)
        for name in ("return_dict", "num_local_patches", "patches_grid"):
            given.pop(name, None)
        output = self.vision_tower(pixel_values, **given)
        views = self.multi_modal_projector(output.last_hidden_state)
        side = int(views.shape[1] ** 0.5)
        rows = _with_end(views.reshape(-1, side, views.shape[-1]), self.image_newline)
        rows = rows.reshape(-1, side * (side + 1), views.shape[-1])
        return sys.modules[type(self).__module__].UnlimitedOcrModelOutputWithPooling(
            last_hidden_state=output.last_hidden_state,
            pooler_output=[joined(_with_end(rows, self.view_separator), None, None)],
            hidden_states=output.hidden_states,
            attentions=output.attentions,
        )

    return ended


def _with_end(vectors: Any, end: Any) -> Any:
    """Return `vectors`, (rows, vectors, width), with `end` behind each row."""
    import torch

    ends = end.to(vectors.dtype).reshape(1, 1, -1).expand(vectors.shape[0], 1, -1)
    return torch.cat([vectors, ends], dim=1)


def joined(views: Any, parts: Any, counts: Any) -> Any:
    """Return the vectors of all pictures behind each other: of each `counts` of `parts`, then its own of `views`.

    Both are (number, vectors, width); `parts` is None where there are none.
    """
    import torch

    if parts is None:
        return views.flatten(0, 1)
    each, own = parts.shape[1], views.shape[1]
    before = torch.as_tensor(counts).long() * each
    picture, place = numbered(before + own)
    part = starts_of(before)[picture] + place
    place = place - before[picture]  # below 0 in a part
    view = parts.shape[0] * each + picture * own + place
    return torch.cat([parts.flatten(0, 1), views.flatten(0, 1)])[torch.where(place < 0, part, view)]
