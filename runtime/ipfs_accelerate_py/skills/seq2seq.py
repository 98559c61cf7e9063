"""Decoding behind an encoder: the encoder runs once, and the decoder reads keys and values that were made of it.

The part "encoder" gives, for each layer of the decoder, the keys and values of what the encoder made of the input:
they stay the same at every step, so they are computed once and held.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import CheckpointError
from ipfs_accelerate_py.skills.arrays import Array, Batch, Module, Tensors
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.generation import settings as of_decoders
from ipfs_accelerate_py.skills.session import Decoder, Engine
from ipfs_accelerate_py.skills.text import NO_LIMIT

ENCODER = "encoder"  # the part's name
START = "decoder_input_ids"  # what the decoder reads first, and then at every step
MASK = "attention_mask"  # of what the encoder read
# Where heads of the decoder listened, (rows, heads, new tokens, places), if its graph says so.
LISTENED = "listened"
# The mask of the places that an encoder left, (rows, places), of one that makes it itself.
LEFT = "left"
# Before the name of what the decoder's layers made of the encoder's output.
MEMORY = "memory."


class EncodedSession:
    """A session of a decoder behind an encoder.

    A prompt is what the encoder takes, filled up on the right, with what the decoder reads first: the same number of
    tokens in every row, so that each row stands at the same place and none needs a mask of its own.
    """

    def __init__(self, engine: Engine, decoder: Decoder) -> None:
        self._engine = engine
        self._decoder = decoder
        self._held: dict[str, Array] = {}

    def begin(self, prompt: Batch) -> Array:
        """Encode the prompts and read what the decoder begins with; return the logits after it."""
        source = {name: array for name, array in prompt.items() if name != START}
        memory = self._engine.run(ENCODER, source)
        self._held = {**memory, MASK: source[MASK]} if MASK in source else memory
        self._decoder.hold(self._held)
        return self.step(prompt[START])

    def again(self, decoder: Decoder) -> EncodedSession:
        """Return a session of the same prompts, encoded already, whose `decoder` has read nothing yet."""
        other = EncodedSession(self._engine, decoder)
        other._held = self._held
        decoder.hold(self._held)
        return other

    def listened(self) -> Array:
        """Return where the decoder listened while it read the last tokens, (rows, heads, tokens, places)."""
        return self._decoder.beside(LISTENED)

    def read(self, prompt: Batch) -> list[list[int]]:
        """Return for each row what the decoder began with: penalties speak of what was written, not of the source."""
        return [row.tolist() for row in prompt[START]]

    def step(self, ids: Array) -> Array:
        """Read `ids` (rows, new); return the logits after them."""
        return self._decoder.step({START: ids})

    def reorder(self, rows: Array) -> None:
        """Go on with these rows, in this order."""
        self._decoder.reorder(rows)


def seq2seq_settings(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the options of the loop with the checkpoint's defaults; the source is no part of what is written."""
    return {name: value for name, value in of_decoders(checkpoint).items() if name != "return_full_text"}


def remembered(model: Module, hidden: Any, mask: Any | None) -> dict[str, Any]:
    """Return the keys and values that each layer of the decoder makes of `hidden` (rows, places, width), by name.

    They are found by letting the decoder read a token, whichever: what it remembers of the encoder is the same for all.
    """
    import torch
    from transformers import EncoderDecoderCache

    from ipfs_accelerate_py.skills.cache import once

    cache = EncoderDecoderCache(once(), once())
    start = torch.zeros_like(hidden[:, :1, 0], dtype=torch.int64)
    _decoded(model, hidden, mask, start, cache)
    return memory_of(cache.cross_attention_cache)


def memory_of(cache: Any) -> dict[str, Any]:
    """Return the keys and values that the layers of a `cache` of an encoder's output hold, by name."""
    memory = {}
    for place, layer in enumerate(cache.layers):
        memory[f"{MEMORY}{place}.keys"], memory[f"{MEMORY}{place}.values"] = layer.keys, layer.values
    return memory


def decoded(model: Module, batch: Tensors, cache: Any) -> dict[str, Any]:
    """Return the logits after each row of `batch`, {"logits": (rows, vocabulary)}; `cache` grows by its tokens."""
    from transformers import EncoderDecoderCache

    from ipfs_accelerate_py.skills.cache import cache_of

    keys = sorted((name for name in batch if name.startswith(MEMORY) and name.endswith(".keys")), key=_layer)
    layers = [(batch[name], batch[name.removesuffix("keys") + "values"]) for name in keys]
    both = EncoderDecoderCache(cache, cache_of(layers))
    both.is_updated = dict.fromkeys(
        range(len(layers)), True
    )  # by itself it asks a length that a trace has not
    # Of the encoder's output only the number of places is still asked for, (rows, places, any).
    logits = _decoded(model, layers[0][0][:, 0], batch.get(MASK), batch[START], both)
    return {"logits": logits[:, -1]}


def _layer(name: str) -> int:
    return int(name.split(".")[1])


def _decoded(model: Module, hidden: Any, mask: Any | None, ids: Any, cache: Any) -> Any:
    from transformers.modeling_outputs import BaseModelOutput

    encoded = BaseModelOutput(last_hidden_state=hidden)
    encoded.attention_mask = mask  # where an encoder makes it itself, the decoder looks for it there
    output = model(
        encoder_outputs=encoded,
        attention_mask=mask,
        decoder_input_ids=ids,
        past_key_values=cache,
        use_cache=True,
    )
    return output.logits


def judged(model: Module, ids: Any, mask: Any) -> Any:
    """Return the logits of a text's labels, (texts, labels), by what the decoder makes of the text's end.

    The decoder reads the text once more, moved along by one. As the class's own forward pass does it, but without
    asking how many ends there are, which no export can trace.
    """
    import torch

    config = model.config
    moved = torch.cat([torch.full_like(ids[:, :1], config.decoder_start_token_id), ids[:, :-1]], dim=1)
    hidden = model.base_model(
        input_ids=ids, attention_mask=mask, decoder_input_ids=moved, use_cache=False
    ).last_hidden_state
    order = torch.arange(1, ids.shape[1] + 1, device=ids.device)
    end = ((ids == config.eos_token_id) * order).argmax(dim=1)  # the last of a pair of texts
    chosen = hidden.gather(1, end[:, None, None].expand(-1, 1, hidden.shape[-1]))
    return model.classification_head(chosen[:, 0])


def start(checkpoint: Checkpoint) -> Array:
    """Return what the decoder of the checkpoint reads first, (1,), by the rule of transformers.

    Raises:
        CheckpointError: neither generation_config.json nor config.json names it.
    """
    written: tuple[Mapping[str, Any], ...] = (checkpoint.json("generation_config.json"), checkpoint.config)
    for name in ("decoder_start_token_id", "bos_token_id"):
        for settings in written:
            if isinstance(settings.get(name), int):
                return np.asarray([settings[name]], dtype=np.int64)
    raise CheckpointError(
        f"{checkpoint.folder}: neither generation_config.json nor config.json has a decoder_start_token_id; add it"
    )


def places(checkpoint: Checkpoint, field: str) -> int:
    """Return how many tokens the decoder has places for: what config.json says in `field`, if anything."""
    return (checkpoint.number(field) if field else None) or NO_LIMIT
