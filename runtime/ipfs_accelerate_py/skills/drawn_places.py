"""What models draw at random and no answer depends on, chosen without drawing while a graph is traced.

ViLT draws the order of the patches of a picture, which attention does not see, and the filling behind them, which is
masked (`models/vilt/modeling_vilt.py`). Informer draws keys to tell which queries matter: of a series short enough it
keeps all queries (`models/informer/modeling_informer.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.packed_pictures import whole
from ipfs_accelerate_py.skills.replacing import around, replaced


@contextmanager
def without_drawing() -> Iterator[None]:
    """Within this, patches stay in their order, and numbers below one that varies are as far apart as they can be.

    Where an answer does depend on what is drawn, PyTorch's is another each time, and no graph agrees with it.
    """
    import torch

    usual = torch.randint

    def drawn(*given: Any, **settings: Any) -> Any:
        if len(given) != 3 or not isinstance(given[1], torch.Tensor):
            return usual(*given, **settings)
        low, high, (count,) = given
        return low + whole(torch.arange(count) * (high - low), count)

    with replaced((torch, "randint", drawn), *around({"ViltEmbeddings": _in_order}, "visual_embed")):
        yield


def _in_order(usual: Any) -> Any:
    def embedded(self: Any, pixel_values: Any, pixel_mask: Any, max_image_length: int = 200) -> Any:
        """Return all patches of each frame, (rows, 1 + patches, width), which are real, and where they are."""
        import torch

        if max_image_length > 0:  # it draws which patches it keeps, and an answer depends on that
            return usual(self, pixel_values, pixel_mask, max_image_length=max_image_length)
        frames = self.patch_embeddings(pixel_values)
        rows, columns = frames.shape[-2:]
        mask = torch.nn.functional.interpolate(pixel_mask[:, None].float(), size=(rows, columns)).long()[:, 0]
        side = self.config.image_size // self.config.patch_size
        table = self.position_embeddings[0, 1:].view(side, -1)
        down = _shares(rows, mask.sum(1)[:, 0], side) @ table  # (pictures, rows, side * width)
        across = _shares(columns, mask.sum(2)[:, 0], side).unsqueeze(1)
        places = (across @ down.unflatten(2, (side, -1))).flatten(1, 2)
        patches = frames.flatten(2).transpose(1, 2) + places
        first = self.cls_token + self.position_embeddings[:, :1]
        states = torch.cat([first.expand(patches.shape[0], -1, -1), patches], dim=1)
        real = torch.nn.functional.pad(mask.flatten(1), (1, 0), value=1)
        at = torch.arange(rows * columns)
        at = torch.stack([whole(at, columns), at % columns], dim=-1).expand(patches.shape[0], -1, -1)
        return self.dropout(states), real, (at, (rows, columns))

    return embedded


def _shares(count: Any, size: Any, side: int) -> Any:
    """Return how much of each of `side` learned places each of `count` has, (pictures, count, side).

    The `size` of a picture says how many of them span what was learned, from corner to corner.
    """
    import torch

    place = torch.arange(count)
    step = (side - 1) / (size - 1).clamp(min=1).unsqueeze(1).float()
    apart = (place * step).unsqueeze(2) - torch.arange(side)
    inside = (place < size.unsqueeze(1)).unsqueeze(2)
    return torch.where(inside, (1 - apart.abs()).clamp(min=0), 0.0)
