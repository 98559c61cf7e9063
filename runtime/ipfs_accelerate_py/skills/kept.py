"""What the layers of transformers' cache keep from step to step, as named tensors: a cache laid open for exporting.

A layer of attention keeps keys and values, which grow with each token. One that mixes tokens by a convolution or a
recurrence keeps its window and its state, of the same size forever: empty is zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ipfs_accelerate_py.errors import BundleError

PAST: Final = "past."
PRESENT: Final = "present."
# The axis that grows with each token: (rows, heads, tokens, width) of keys, (rows, tokens, width) of an index.
_GROWING: Final = {"keys": 2, "values": 2, "index": 1}


def growing_axis(name: str) -> int | None:
    """Return the axis of the tensor `name` that grows with each token; None where none does."""
    return _GROWING.get(name.rpartition(".")[2])


def laid_open(cache: Any) -> dict[str, Any]:
    """Return the tensors of `cache` by name: `past.0.keys` for the keys of the first layer.

    Raises:
        BundleError: a layer keeps what is not known here.
    """
    found = {}
    for place, layer in enumerate(cache.layers):
        for kind, tensor in _tensors(layer).items():
            found[f"{PAST}{place}.{kind}"] = tensor
    return found


def _tensors(layer: Any) -> dict[str, Any]:
    from transformers import cache_utils

    known = {
        cache_utils.DynamicLayer,
        *(
            getattr(cache_utils, name, cache_utils.DynamicLayer)
            for name in ("DynamicIndexedLayer", "DummyLayer")
        ),
        *_linear_layers(),
    }
    if not any(each in known for each in type(layer).__mro__[:2]):
        raise BundleError(f"its cache keeps a {type(layer).__name__}, whose contents are not known here")
    found: dict[str, Any] = {}
    if getattr(layer, "keys", None) is not None:
        found |= {"keys": layer.keys, "values": layer.values}
    if getattr(layer, "is_indexer_initialized", False):
        found["index"] = layer.indexer_keys
    for kind, states in (("window", "conv_states"), ("state", "recurrent_states")):
        numbered = getattr(layer, states, {})
        if not isinstance(
            numbered, dict
        ):  # so transformers 5.13 has it, where a state of zeros is no beginning
            raise BundleError(
                f"the {type(layer).__name__} of this transformers cannot be exported; install a newer one"
            )
        for number, tensor in numbered.items():
            if tensor is not None:
                found[f"{kind}{number}"] = tensor
    return found


def _linear_layers() -> set[Any]:
    from transformers import cache_utils

    names = ("LinearAttentionLayer", "LinearAttentionAndFullAttentionLayer")
    return {getattr(cache_utils, name) for name in names if hasattr(cache_utils, name)}


def unbounded(cache: Any) -> Any:
    """Return `cache`, still empty, with layers that keep all tokens in place of those that keep the last ones.

    What a layer may look back at is said by its mask as well, so answers stay the same, and one graph does for all.
    """
    from transformers import cache_utils

    for place, layer in enumerate(cache.layers):
        if not isinstance(layer, cache_utils.DynamicSlidingWindowLayer):
            continue
        if states := getattr(layer, "number_of_states", 0):
            cache.layers[place] = cache_utils.LinearAttentionAndFullAttentionLayer(number_of_states=states)
        else:
            cache.layers[place] = cache_utils.DynamicLayer()
    return cache


def fill(cache: Any, tensors: Mapping[str, Any]) -> Any:
    """Return `cache`, empty and unbounded, with `tensors` by the names of `laid_open`.

    Filled by hand: transformers concatenates onto an empty tensor of one axis, which OpenVINO cannot convert, and
    copies new states over old ones, which would be an input of the graph.
    """
    for name, tensor in tensors.items():
        _, place, kind = name.split(".")
        layer = cache.layers[int(place)]
        layer.dtype, layer.device = tensor.dtype, tensor.device
        if kind in ("keys", "values"):
            setattr(layer, kind, tensor)
            layer.is_initialized = True
        elif kind == "index":
            layer.indexer_keys, layer.is_indexer_initialized = tensor, True
            layer.indexer_dtype, layer.indexer_device = tensor.dtype, tensor.device
        elif kind.startswith("window"):
            number = int(kind.removeprefix("window"))
            layer.conv_states[number], layer.conv_kernel_size[number] = tensor, tensor.shape[-1]
            layer.is_conv_states_initialized[number] = layer.has_previous_state[number] = True
        else:
            number = int(kind.removeprefix("state"))
            layer.recurrent_states[number], layer.is_recurrent_states_initialized[number] = tensor, True
            layer.has_previous_state[number] = True
    for layer in cache.layers:
        if hasattr(layer, "recurrent_states"):
            layer.__class__ = _replacing(type(layer))
    return cache


def _replacing(kind: Any) -> Any:
    """Return a subclass of a layer with states, whose new states take the place of the old ones."""

    class Replacing(kind):  # type: ignore[misc]  # transformers is an unchecked library
        def update_conv_state(self, conv_states: Any, state_idx: int = 0, **_: Any) -> Any:
            import torch

            whole = torch.cat([self.conv_states[state_idx], conv_states], dim=-1)
            self.conv_states[state_idx] = whole[..., -self.conv_kernel_size[state_idx] :]
            return whole

        def update_recurrent_state(self, recurrent_states: Any, state_idx: int = 0, **_: Any) -> Any:
            self.recurrent_states[state_idx] = recurrent_states
            return recurrent_states

    return Replacing


def begin(layer: Any) -> Any:
    """Return `layer`, empty, whose first states are kept as they come: copied into zeros, they would be no output."""
    if hasattr(layer, "recurrent_states"):
        layer.__class__ = _beginning(type(layer))
    return layer


def _beginning(kind: Any) -> Any:
    """Return a subclass of a layer with states, which is filled once; short windows are filled up with zeros."""

    class Beginning(kind):  # type: ignore[misc]  # transformers is an unchecked library
        def update_conv_state(
            self, conv_states: Any, state_idx: int = 0, conv_kernel_size: int | None = None, **_: Any
        ) -> Any:
            import torch

            size = conv_states.shape[-1] if conv_kernel_size is None else conv_kernel_size
            self.conv_states[state_idx] = torch.nn.functional.pad(conv_states, (size, 0))[..., -size:]
            self.conv_kernel_size[state_idx] = size
            self.is_conv_states_initialized[state_idx] = self.has_previous_state[state_idx] = True
            return self.conv_states[state_idx] if conv_states.shape[-1] < size else conv_states

        def update_recurrent_state(self, recurrent_states: Any, state_idx: int = 0, **_: Any) -> Any:
            self.recurrent_states[state_idx] = recurrent_states
            self.is_recurrent_states_initialized[state_idx] = True
            return recurrent_states

    return Beginning
