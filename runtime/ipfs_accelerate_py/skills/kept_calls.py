"""A model that keeps what it has read of arrays, where it runs: its first call, and those that go on from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from inspect import signature
from typing import Any

from ipfs_accelerate_py.skills.arrays import Module, Tensors
from ipfs_accelerate_py.skills.calls import lengthened
from ipfs_accelerate_py.skills.seq2seq import LEFT, START, decoded, memory_of


def begun(model: Module, arguments: Mapping[str, Any], new: Any) -> dict[str, Any]:
    """Return the logits after each row, (rows, vocabulary), and what the layers keep: of `arguments` and `new` ids."""
    from transformers import EncoderDecoderCache

    from ipfs_accelerate_py.skills import kept
    from ipfs_accelerate_py.skills.cache import once
    from ipfs_accelerate_py.skills.engine_eager import empty_cache

    behind = START in arguments
    own, across = once(None if behind else kept.unbounded(empty_cache(model))), once()
    asked: AbstractContextManager[list[Any]] = _places_left(model) if behind else nullcontext([])
    with asked as left:
        output = model(
            **lengthened(model, arguments, new),
            past_key_values=EncoderDecoderCache(own, across) if behind else own,
            use_cache=True,
        )
    logits = {"logits": output.logits[:, -1].float()}
    return {**logits, **kept.laid_open(own), **memory_of(across), **({LEFT: left[0]} if left else {})}


@contextmanager
def _places_left(model: Module) -> Iterator[list[Any]]:
    """Give the mask that an encoder makes of its own places, (rows, places), once it has run.

    One that leaves fewer places than it was given says so beside its output (transformers' `models/moonshine`).
    """
    left: list[Any] = []

    def told(_: Any, __: Any, output: Any) -> None:
        if (mask := getattr(output, "attention_mask", None)) is not None:
            left.append(mask.long())

    hook = model.get_encoder().register_forward_hook(told)
    try:
        yield left
    finally:
        hook.remove()


def gone_on(model: Module, batch: Tensors, cache: Any, *, vectors: bool = False) -> dict[str, Any]:
    """Return the logits after each row, {"logits": (rows, vocabulary)}; `cache` grows by the ids of the batch.

    A class that was given vectors in place of ids gets those of the ids.
    """
    if START in batch:
        return {"logits": decoded(model, batch, cache)["logits"].float()}
    arguments = dict(batch)
    if vectors:
        arguments["inputs_embeds"] = model.get_input_embeddings()(arguments.pop("input_ids"))
    last = {"logits_to_keep": 1} if "logits_to_keep" in signature(model.forward).parameters else {}
    output = model(**arguments, **last, past_key_values=cache, use_cache=True)
    return {"logits": output.logits[:, -1].float()}
