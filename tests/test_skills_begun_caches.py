"""A cache that begins with axes keeps what one that begins with nothing keeps."""

from __future__ import annotations

import torch
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from ipfs_accelerate_py.skills.begun_caches import with_axes


def test_what_is_kept_is_what_was_given() -> None:
    pieces = [(torch.randn(2, 3, length, 4), torch.randn(2, 3, length, 5)) for length in (2, 1, 3)]
    for made in (DynamicLayer, lambda: DynamicSlidingWindowLayer(sliding_window=4)):
        usual, begun = made(), made()
        for keys, values in pieces:
            want = usual.update(keys, values)
            with with_axes():
                got = begun.update(keys, values)
            assert all(map(torch.equal, got, want))
            assert begun.get_seq_length() == usual.get_seq_length()
        assert torch.equal(begun.keys, usual.keys)


def test_an_empty_layer_has_the_axes_and_no_places() -> None:
    layer = DynamicLayer()
    with with_axes():
        layer.lazy_initialization(torch.randn(2, 3, 6, 4), torch.randn(2, 3, 6, 5))
    assert (layer.keys.shape, layer.values.shape) == ((2, 3, 0, 4), (2, 3, 0, 5))
    assert layer.get_seq_length() == 0
