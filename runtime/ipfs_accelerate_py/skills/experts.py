"""Decoding behind an encoder that is made of experts: its class asks which of them the encoder chose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipfs_accelerate_py.skills.arrays import Module


def chosen_before(model: Module) -> Callable[..., Any]:
    """Return the call of `model` for a decoder alone: what the encoder gave has room for its choices, and none in it.

    They matter to a loss, and not to what is written.
    """
    from transformers.modeling_outputs import MoeModelOutputWithPast

    def call(*, encoder_outputs: Any, **arguments: Any) -> Any:
        hidden = encoder_outputs.last_hidden_state
        return model(encoder_outputs=MoeModelOutputWithPast(last_hidden_state=hidden), **arguments)

    return call
