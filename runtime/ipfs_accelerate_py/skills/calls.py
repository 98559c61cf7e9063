"""Arrays by name where a model runs: as its forward takes them, in rows or, where these hang together, call by call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any, Final

from ipfs_accelerate_py.skills.arrays import Batch, Forward, Module, Tensors
from ipfs_accelerate_py.skills.given import CALL, Inputs
from ipfs_accelerate_py.skills.head import Head

WRITTEN: Final = "written"
"""The ids that were written so far, (rows, new): none at first."""
_READS: Final = (
    "decoder_input_ids",
    "input_ids",
    "inputs_embeds",
)  # which of the inputs goes on, the first there is
_GOES_ALONG: Final[Mapping[str, int]] = {"attention_mask": 1, "token_type_ids": 0, "mm_token_type_ids": 0}
_KINDS: Final = "token_type_ids"
_UPDATE: Final = "_update_model_kwargs_for_generation"


def called(batch: Tensors, inputs: Inputs, *, whole: bool = False) -> dict[str, Any]:
    """Return the arguments of the model's forward: booleans as such, a whole call without the axis before it."""
    arguments: dict[str, Any] = {}
    for name, each in inputs.items():
        tensor = batch[name][0] if whole else batch[name]
        arguments[name] = tensor.bool() if each.dtype == "bool" else tensor
    return arguments


def answered(output: Any, *, whole: bool = False) -> Any:
    """Return an output in real numbers, with the axis of the call before it that every head's outputs have."""
    found = output.float()
    return found.unsqueeze(0) if whole else found


def one_by_one(head: Head, forward: Forward, batch: Batch) -> dict[str, Any]:
    """Return the outputs of `batch`, of whole calls each by itself: they differ in size, so they come as a list."""
    first = next(iter(head.inputs.values()))
    count = len(next(iter(batch.values())))
    if count == 1 or first.axes[0] != CALL:
        return forward(batch)
    outputs = [forward({name: array[row : row + 1] for name, array in batch.items()}) for row in range(count)]
    return {name: [each[name][0] for each in outputs] for name in head.outputs}


def reads(names: Sequence[str]) -> str:
    """Return which of the inputs is the text that is continued.

    Raises:
        StopIteration: none of them is.
    """
    return next(name for name in _READS if name in names)


def lengthened(model: Module, arguments: Mapping[str, Any], new: Any) -> dict[str, Any]:
    """Return `arguments` with the ids `new` (rows, new) behind the text, and what goes along with it."""
    import torch

    arguments = dict(arguments)
    name = reads(tuple(arguments))
    text = arguments[name]
    length = text.shape[1]
    vectors = name == "inputs_embeds"
    arguments[name] = torch.cat([text, model.get_input_embeddings()(new) if vectors else new], dim=1)
    if name != "decoder_input_ids":
        for other, value in _GOES_ALONG.items():
            if other in arguments and arguments[other].shape[-1] == length:
                more = _kinds(model, new) if other == _KINDS else torch.full_like(new, value)
                arguments[other] = torch.cat([arguments[other], more.to(arguments[other].dtype)], dim=1)
    return arguments


def _kinds(model: Module, new: Any) -> Any:
    """Return the kinds of the ids `new` that a model wrote: 0, as of any text, or what its class has when it generates.

    To some classes what is asked is of one kind, and what is written behind it of another (`models/paligemma`).
    """
    import torch
    from transformers import GenerationMixin

    text = torch.zeros_like(new)
    update = getattr(type(model), _UPDATE, None)
    if update in (None, getattr(GenerationMixin, _UPDATE)):
        return text
    length = new.shape[1]
    return update(model, {}, {_KINDS: text}, num_new_tokens=length)[_KINDS][:, length:]


def anew(model: Module, batch: Tensors, inputs: Inputs) -> dict[str, Any]:
    """Return the logits after each row, {"logits": (rows, vocabulary)}: of the inputs, with what was written."""
    arguments = lengthened(model, called(batch, inputs), batch[WRITTEN])
    cacheless = {"use_cache": False} if "use_cache" in signature(model.forward).parameters else {}
    return {"logits": model(**arguments, **cacheless).logits[:, -1].float()}
