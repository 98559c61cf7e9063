"""What a transducer says at each place of a sound, after the tokens written so far."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_py.skills.arrays import Module, Tensors
from ipfs_accelerate_py.skills.calls import WRITTEN, called
from ipfs_accelerate_py.skills.given import Inputs


def joined(model: Module, batch: Tensors, inputs: Inputs, *, start: int) -> dict[str, Any]:
    """Return the logits after what was written behind `start`, (rows, places, tokens), and which places are sound.

    Where the class foretells how far to go on as well, the logits of that stand behind those of the tokens.
    """
    import torch

    given = called(batch, inputs)
    heard = model.get_audio_features(**given, output_attention_mask=True)
    written = batch[WRITTEN]
    begun = torch.cat(
        [torch.full_like(given["attention_mask"][:, :1], start).to(written.dtype), written], dim=1
    )
    read = model.decoder(begun)[:, -1:]
    logits = model.joint(encoder_hidden_states=heard.pooler_output, decoder_hidden_states=read)
    return {"logits": logits.float(), "seen": heard.attention_mask.long()}
