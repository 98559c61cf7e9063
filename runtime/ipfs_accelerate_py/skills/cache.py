"""Key-value caches on PyTorch's side: a decoder's graph with its cache laid open as tensors, for exporting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array, Module
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.head import Head

STEP = ("input_ids", "attention_mask", "position_ids")
_PAST = 5  # tokens in the example's cache; 0 and 1 would be traced as constants


def cache_of(layers: Sequence[tuple[Any, Any]]) -> Any:
    """Return a cache that holds the (keys, values) of each layer, (rows, heads, tokens, width) each.

    Made by hand: `DynamicCache([...])` concatenates onto an empty tensor of one axis, which OpenVINO cannot convert.
    """
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    cache = DynamicCache()
    for keys, values in layers:
        layer = DynamicLayer()
        layer.keys, layer.values = keys, values
        layer.dtype, layer.device, layer.is_initialized = keys.dtype, keys.device, True
        cache.layers.append(layer)
    return cache


def past_names(layers: int) -> tuple[str, ...]:
    """Return the names of the cache's inputs, keys and values of each layer in turn."""
    return tuple(f"past.{layer}.{kind}" for layer in range(layers) for kind in ("keys", "values"))


def present_names(layers: int) -> tuple[str, ...]:
    """Return the names of the cache's outputs."""
    return tuple(name.replace("past.", "present.") for name in past_names(layers))


def decoder_example(
    head: Head, model: Module, checkpoint: Checkpoint, batch: dict[str, Array]
) -> tuple[Any, ...]:
    """Return tensors to trace a decoder with: the step's three, then keys and values of each layer.

    The batch is padded: with a mask of ones the tracer would keep no mask at all.
    """
    import torch
    from transformers import DynamicCache

    graph = head.graph(model, checkpoint)
    cache = DynamicCache(config=model.config)
    mask = np.ones_like(batch["input_ids"])
    mask[0, :2] = 0
    places = np.maximum(np.cumsum(mask, axis=1) - 1, 0)
    with torch.no_grad():
        graph(
            {
                name: torch.from_numpy(array)
                for name, array in zip(STEP, (batch["input_ids"], mask, places), strict=True)
            },
            cache,
        )
    past = [
        tensor[:, :, :_PAST].contiguous() for layer in cache.layers for tensor in (layer.keys, layer.values)
    ]
    new = torch.from_numpy(batch["input_ids"][:, _PAST:])
    step = (new, torch.from_numpy(mask), torch.from_numpy(places[:, _PAST:]))
    return (*(tensor.contiguous() for tensor in step), *past)


def traceable_decoder(head: Head, model: Module, checkpoint: Checkpoint) -> Module:
    """Return a torch module from the step's tensors and the cache's to the logits and the cache's new tensors."""
    import torch

    graph = head.graph(model, checkpoint)

    class Decoder(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
        def __init__(self) -> None:
            super().__init__()
            self.model = model  # so that its weights are the module's own

        def forward(self, *tensors: Any) -> tuple[Any, ...]:
            past = tensors[len(STEP) :]
            cache = cache_of(list(zip(past[::2], past[1::2], strict=True)))
            outputs = graph(dict(zip(STEP, tensors, strict=False)), cache)
            return (
                outputs["logits"],
                *(tensor for layer in cache.layers for tensor in (layer.keys, layer.values)),
            )

    return Decoder().eval()


def stateful(model: Any, layers: int) -> None:
    """Turn the cache of a converted OpenVINO model from inputs and outputs into its own state, empty at first."""
    import openvino.opset13 as ops
    from openvino._offline_transformations import apply_make_stateful_transformation

    shapes = {name: model.input(name).get_partial_shape() for name in past_names(layers)}
    apply_make_stateful_transformation(
        model, dict(zip(past_names(layers), present_names(layers), strict=True))
    )
    rows = ops.gather(
        ops.shape_of(model.input("input_ids"), output_type="i64"),
        ops.constant(np.array([0], dtype=np.int64)),
        ops.constant(np.int64(0)),
    )
    shape = next(iter(shapes.values()))
    heads, width = (ops.constant(np.array([shape[axis].get_length()], dtype=np.int64)) for axis in (1, 3))
    empty = ops.broadcast(
        ops.constant(np.float32(0)),
        ops.concat([rows, heads, ops.constant(np.array([0], dtype=np.int64)), width], 0),
    )
    for operation in model.get_ops():
        if operation.get_type_name() == "ReadValue":
            operation.set_arguments([empty])
    model.validate_nodes_and_infer_types()
