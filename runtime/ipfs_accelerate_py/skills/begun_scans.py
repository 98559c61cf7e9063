"""Selective scans that go on from a state, which those of transformers' first Mamba do for one token only.

Given several tokens behind a cache, its mixers (`models/mamba`, `falcon_mamba`, `jamba`, `zamba`) scan from zeros: the
kernel that they were written for takes no state. A graph is one for any number of tokens, so there the state has to be
where the scan begins. What it gives is compared with transformers token by token, where nothing is forgotten.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final

from ipfs_accelerate_py.skills.arrays import Module
from ipfs_accelerate_py.skills.recurrences import beginning
from ipfs_accelerate_py.skills.replacing import classes_beside, replaced

_SCAN: Final = "mamba_selective_scan"


@contextmanager
def begun_with_states() -> Iterator[None]:
    """Within this, the scans of all models that are loaded begin with what their layer keeps."""
    with replaced(*((kind, "forward", _begun(kind.forward)) for kind in _mixers())):
        yield


def forgets(model: Module) -> bool:
    """Whether `model`, given several tokens behind a cache, forgets what a layer kept."""
    mixers = tuple(_mixers())
    return any(isinstance(each, mixers) for each in model.modules())


def token_by_token(decoder: Module, *, steps: int, given: int, outputs: int) -> Module:
    """Return a module that gives what `decoder` gives after the last of its tokens, having read one at a time.

    Of what `decoder` takes, the first `steps` tensors, (rows, tokens), are of a step, ids first; those from `given` on
    are what it keeps, and so is what it gives from `outputs` on.
    """
    import torch

    class ByToken(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
        def __init__(self) -> None:
            super().__init__()
            self.decoder = decoder

        def forward(self, *tensors: Any) -> tuple[Any, ...]:
            found: tuple[Any, ...] = ()
            past, new = tensors[given:], tensors[0].shape[1]
            for place in range(new):
                step = [_of_token(each, place, new) for each in tensors[:steps]]
                found = self.decoder(*step, *tensors[steps:given], *past)
                past = found[outputs:]
            return found

    return ByToken().eval()


def _of_token(tensor: Any, place: int, new: int) -> Any:
    """Return of what `new` tokens were given what the one at `place` is: its own, or that of all up to it."""
    before = tensor.shape[1] - new
    return tensor[:, : before + place + 1] if before else tensor[:, place : place + 1]


def _mixers() -> list[Any]:
    return [kind for kind in classes_beside(_SCAN) if f"{_SCAN}(" in _source(kind)]


def _source(kind: Any) -> str:
    return inspect.getsource(vars(kind)["forward"]) if "forward" in vars(kind) else ""


def _begun(usual: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(usual)
    def forward(self: Any, hidden_states: Any, cache_params: Any = None, *given: Any, **named: Any) -> Any:
        state = None if cache_params is None else cache_params.get_recurrent_state(self.layer_idx)
        # Zamba scans the channels of one head after those of another.
        states = [] if state is None else state.unbind(1) if state.dim() == 4 else [state]
        with beginning(states):
            return usual(self, hidden_states, cache_params, *given, **named)

    return forward
