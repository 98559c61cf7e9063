"""The points of a picture that are worth knowing again, found in all pictures at once.

SuperPoint looks at one picture after the other, as Python counts them, and keeps of each as many points as it has
(`models/superpoint/modeling_superpoint.py`). Here those that are kept are sorted to the front.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.packed_pictures import whole
from ipfs_accelerate_py.skills.replacing import around, in_models, replaced


@contextmanager
def as_points() -> Iterator[None]:
    """Within this, the points of pictures are sorted, and none is cut out."""
    peaks = [
        (module, name, _peaking(vars(module)[name])) for module, name, _ in in_models({"simple_nms": None})
    ]
    with replaced(*around({"SuperPointForKeypointDetection": _detecting}, "forward"), *peaks):
        yield


def _peaking(usual: Any) -> Any:
    """Return what looks for the highest scores of pictures that have one channel each: exporters pool nothing else."""
    return lambda scores, radius: usual(scores.unsqueeze(1), radius).squeeze(1)


def _detecting(usual: Any) -> Any:
    def forward(self: Any, pixel_values: Any, **given: Any) -> Any:
        import torch
        from transformers.models.superpoint.modeling_superpoint import SuperPointKeypointDescriptionOutput

        if any(given.values()) or not self.config.return_dict:
            return usual(self, pixel_values, **given)
        grey = self.extract_one_channel_pixel_values(pixel_values)
        states = self.encoder(grey, return_dict=True).last_hidden_state
        points, scores, mask = _points(self.keypoint_decoder, states)
        learned = self.descriptor_decoder
        maps = learned.conv_descriptor_b(learned.relu(learned.conv_descriptor_a(states)))
        maps = torch.nn.functional.normalize(maps, p=2, dim=1)
        found = learned._sample_descriptors(points, maps, 8).transpose(1, 2)
        size = torch.tensor([grey.shape[3], grey.shape[2]], device=points.device)
        return SuperPointKeypointDescriptionOutput(
            keypoints=torch.where(mask.unsqueeze(-1), points, 0.0) / size,
            scores=torch.where(mask, scores, 0.0),
            descriptors=torch.where(mask.unsqueeze(-1), found, 0.0),
            mask=mask.int(),
        )

    return forward


def _points(decoder: Any, states: Any) -> tuple[Any, Any, Any]:
    """Return column and row of the points, (pictures, points, 2), their scores, and which a picture has.

    They are in the order of the places, or, of a picture that has more than are asked for, in that of the scores.
    """
    import torch

    scores = decoder._get_pixel_scores(states)
    high, wide = scores.shape[1:]
    row, column = torch.arange(high, device=scores.device).unsqueeze(1), torch.arange(
        wide, device=scores.device
    )
    border = decoder.border_removal_distance
    # transformers takes a picture to be eight times as large, so that only two of its borders are left out.
    inside = (row >= border) & (row < high * 8 - border) & (column >= border) & (column < wide * 8 - border)
    kept = ((scores > decoder.keypoint_threshold) & inside).flatten(1)
    scores = scores.flatten(1)
    count, most = kept.sum(1), decoder.max_keypoints
    # Exact up to 16 million places, which no picture has that this model is given.
    rank = -torch.arange(scores.shape[1], device=scores.device).to(scores.dtype)
    rank = rank.unsqueeze(0).expand_as(scores)
    if most >= 0:
        rank = torch.where((count > most).unsqueeze(1), scores, rank)
        count = count.clamp(max=most)
    rank = torch.where(kept, rank, -float("inf"))
    number = torch.arange(count.max(), device=scores.device)
    place = torch.argsort(rank, dim=1, descending=True)[:, number]
    points = torch.stack([place % wide, whole(place, wide)], dim=-1).to(scores.dtype)
    return points, scores.gather(1, place), number < count.unsqueeze(1)
