"""Depths as large as their pictures, written so that tracing keeps no size of its example.

transformers makes a whole number of the height and the width with `int` (`models/depth_anything`), which a tracer takes
for the number that it is: every depth would have the size of the example's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.replacing import in_classes, replaced


@contextmanager
def by_patches() -> Iterator[None]:
    """Within this, a depth is as large as its picture's patches say."""
    with replaced(*in_classes({"DepthAnythingDepthEstimationHead": _spread}, "forward")):
        yield


def _spread(self: Any, hidden_states: Any, patch_height: Any, patch_width: Any) -> Any:
    """Return the depths, (pictures, height, width), of what the neck made of one layer's states."""
    import torch

    coarse = self.conv1(hidden_states[self.head_in_index])
    size = (patch_height * self.patch_size, patch_width * self.patch_size)
    fine = torch.nn.functional.interpolate(coarse, size, mode="bilinear", align_corners=True)
    found = self.conv3(self.activation1(self.conv2(fine)))
    return (self.activation2(found) * self.max_depth).squeeze(dim=1)
