"""Attention through a band is that of Longformer and LED in chunks, for texts of any length."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import LEDConfig, LEDModel, LongformerConfig, LongformerModel

from ipfs_accelerate_py.skills.windowed import by_band

_WINDOWS = [4, 4]


def _longformer() -> Any:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    return LongformerModel(
        LongformerConfig(**sizes, vocab_size=40, attention_window=_WINDOWS, initializer_range=0.3)
    ).eval()


def _led() -> Any:
    sizes = {
        f"{part}_{name}": size
        for part in ("encoder", "decoder")
        for name, size in {"layers": 2, "attention_heads": 2, "ffn_dim": 16}.items()
    }
    return LEDModel(
        LEDConfig(**sizes, d_model=16, vocab_size=40, attention_window=_WINDOWS, init_std=0.3)
    ).eval()


@pytest.mark.parametrize("make", [_longformer, _led])
@pytest.mark.parametrize("length", [3, 12, 19])
def test_a_band_is_what_chunks_are(make: Any, length: int) -> None:
    torch.manual_seed(0)
    model = make()
    ids = torch.randint(5, 40, (2, length))
    mask = torch.ones_like(ids)
    mask[1, length // 2 :] = 0
    more = {"decoder_input_ids": ids} if "LED" in type(model).__name__ else {}
    with torch.inference_mode():
        want = model(ids, attention_mask=mask, **more).last_hidden_state
        with by_band():
            got = model(ids, attention_mask=mask, **more).last_hidden_state
            wider = model(ids, attention_mask=torch.ones_like(mask), **more).last_hidden_state
    # The same sums in another order, in single precision.
    assert torch.allclose(want, got, rtol=0, atol=1e-4)
    assert not torch.allclose(want, wider, rtol=0, atol=1e-2)


@pytest.mark.parametrize("make", [_longformer, _led])
@pytest.mark.parametrize("length", [3, 12, 19])
def test_tokens_that_see_the_whole_see_it_through_a_band(make: Any, length: int) -> None:
    torch.manual_seed(0)
    model, ids = make(), torch.randint(5, 40, (2, length))
    mask = torch.ones_like(ids)
    mask[1, 2 + length // 2 :] = 0
    everywhere = torch.zeros_like(ids)
    everywhere[:, 0] = everywhere[0, length // 2] = 1
    more = {"decoder_input_ids": ids} if "LED" in type(model).__name__ else {}
    given = {"attention_mask": mask, "global_attention_mask": everywhere, **more}
    with torch.inference_mode():
        want = model(ids, **given).last_hidden_state
        with by_band():
            got = model(ids, **given).last_hidden_state
            narrow = model(ids, attention_mask=mask, **more).last_hidden_state
    seen = (
        mask.bool() if not more else torch.ones_like(mask, dtype=torch.bool)
    )  # LED's are those of the decoder
    # The same sums in another order, in single precision.
    assert torch.allclose(want[seen], got[seen], rtol=0, atol=1e-4)
    assert not torch.allclose(want[seen], narrow[seen], rtol=0, atol=1e-2)
