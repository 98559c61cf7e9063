"""Whether a class that writes goes on from a cache: what is kept, padding on the left, and rows that are exchanged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ipfs_accelerate_generator.survey.continued import goes_on
from ipfs_accelerate_generator.survey.proof import forgets

pytest.importorskip("transformers")

FEED: Any = SimpleNamespace(names=("input_ids", "attention_mask"))


def model(name: str, **fields: Any) -> Any:
    import torch
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(vocab_size=32, initializer_range=0.2, **fields)
    head = "LMHeadModel" if "GPT" in name else "ForCausalLM"
    return getattr(transformers, f"{name}{head}")(config).eval()


@pytest.fixture(scope="module")
def gpt2() -> Any:
    return model("GPT2", n_embd=16, n_layer=2, n_head=2, n_positions=32)


@pytest.mark.parametrize("apart", [False, True])
def test_a_cache_of_keys_and_values_is_gone_on_from(gpt2: Any, apart: bool) -> None:
    assert goes_on(gpt2, FEED, state=False, apart=apart)


def test_a_class_that_takes_no_cache_forgets_what_it_read() -> None:
    forgetful = model("OpenAIGPT", n_embd=16, n_layer=2, n_head=2, n_positions=32)
    assert not goes_on(forgetful, FEED, state=False, apart=False)


def test_places_that_are_not_those_of_the_tokens_are_found(
    gpt2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = gpt2.forward
    monkeypatch.setattr(gpt2, "forward", lambda position_ids=None, **given: plain(**given))
    assert not goes_on(gpt2, FEED, state=False, apart=False)


def test_of_what_writes_nothing_no_model_is_built() -> None:
    other: Any = SimpleNamespace(task="feature-extraction")
    proof: Any = None
    assert not forgets(other, None, {}, proof, state=False)
