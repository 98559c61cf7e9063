"""One filter for all channels of a sound, while a graph is traced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from ipfs_accelerate_py.skills.replacing import replaced


@contextmanager
def by_channel() -> Iterator[None]:
    """Within this, a filter that was spread over all channels filters each channel as a sound of its own.

    Vocoders smooth what they sampled up and down by one filter (`models/xcodec2/modeling_xcodec2.py`:
    `Xcodec2UpSample1d`), expanded to as many as there are channels at run time: a kernel of unknown size, which neither
    exporter that traces takes. A filter is known to be spread by its stride of nothing.
    """
    import torch

    with ExitStack() as stack:
        for name in ("conv1d", "conv_transpose1d"):
            usual = getattr(torch.nn.functional, name)
            stack.enter_context(replaced((torch.nn.functional, name, _each(usual))))
        yield


def _each(usual: Callable[..., Any]) -> Callable[..., Any]:
    def filtered(sound: Any, weight: Any, bias: Any = None, *places: Any, **settings: Any) -> Any:
        spread = weight.stride(0) == 0 and weight.shape[1] == 1
        if not spread or sound.dim() != 3 or bias is not None or places or "groups" not in settings:
            return usual(sound, weight, bias, *places, **settings)
        alone = {name: value for name, value in settings.items() if name != "groups"}
        one = weight[:1].reshape(
            1, 1, int(weight.shape[2])
        )  # its own size, which does not vary, is read here
        each = usual(sound.reshape(-1, 1, sound.shape[-1]), one, **alone)
        return each.reshape(-1, sound.shape[1], each.shape[-1])

    return filtered
