"""Behind an encoder of experts its class finds room for the experts that the encoder chose."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("transformers")

from ipfs_accelerate_py.skills.experts import chosen_before


def test_what_the_encoder_gave_says_that_no_experts_are_known() -> None:
    def model(encoder_outputs: Any, **arguments: Any) -> Any:
        return encoder_outputs.last_hidden_state, encoder_outputs.router_logits, arguments

    call = chosen_before(model)
    given = SimpleNamespace(last_hidden_state="hidden")
    assert call(encoder_outputs=given, use_cache=True) == ("hidden", None, {"use_cache": True})
