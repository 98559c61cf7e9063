"""What transformers itself writes after arrays, for generated tests of heads that are given these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array, Batch
from ipfs_accelerate_py.skills.calls import anew, reads
from ipfs_accelerate_py.skills.handler import Place
from ipfs_accelerate_py.skills.head import Example, Steps
from ipfs_accelerate_py.skills.packed_arrays import together
from ipfs_accelerate_py.skills.rereading import PADDING, UNREAD, Rereader, WrittenInput, tokens

if TYPE_CHECKING:
    from ipfs_accelerate_py.evidence.given import ArrayBench

NEW: Final = 8  # tokens, each of which takes a reading of all that was before
KEPT: Final = 16  # tokens behind a cache
PLACES: Final = 256  # of tokens that the small model takes; a picture alone may be many
_SEED: Final = 11
_SPREAD: Final = 0.2


def awake(model: Any) -> Any:
    """Return `model` with random numbers in place of weights that begin as zeros, biases apart.

    A gate that is shut before any training hides whether what is behind it matters.
    """
    import torch

    generator = torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.endswith("bias") and not parameter.any():
                parameter.normal_(0, _SPREAD, generator=generator)
    return model


def made(model_class: Any, config: Any) -> Any:
    """Return a random `model_class`, awake, of `config`, or of its part about text if that is what the class takes."""
    part = config.get_text_config()
    wants = getattr(model_class, "config_class", None)
    is_of_part = wants is not None and not isinstance(config, wants) and isinstance(part, wants)
    return awake(model_class(part if is_of_part else config))


def followed(
    model: Any, item: Mapping[str, Array], packed: Sequence[str] = (), *, new: int = NEW, beams: int = 1
) -> list[int]:
    """Return the `new` tokens that `generate()` of `model` gives after one item's arrays, the likeliest.

    Those that are `packed` come without an axis of texts, as the class has them.
    """
    import torch

    arrays = {
        name: torch.from_numpy(np.array(array) if name in packed else np.array(array)[None])
        for name, array in item.items()
    }
    name = reads(tuple(arrays))
    unread = [place for each in UNREAD if (place := getattr(model.config, each, None)) is not None]
    more: dict[str, Any] = {"suppress_tokens": unread} if unread else {}
    if name == "decoder_input_ids":  # as they are: another token at their beginning would be put before it
        more["decoder_start_token_id"] = int(item[name][0])
    with torch.inference_mode():
        whole = model.generate(**arrays, max_new_tokens=new, do_sample=False, num_beams=beams, **more)
    first = 0 if name == "inputs_embeds" else arrays[name].shape[1]
    found: list[int] = whole[0, first:].tolist()
    return found


def searched(
    bench: ArrayBench, item: Mapping[str, Array], packed: Sequence[str] = (), *, beams: int
) -> list[int]:
    """Return the tokens that `generate()` finds after one item's arrays with so many `beams`; `packed` as `followed`.

    Where it loses a picture as it repeats a text for its beams, those that are found by reading all anew for each
    token: then what is proved is that nothing is lost behind a cache. It does so with Llama 4's, and with what is
    `packed`, of which it puts each patch as many times as there are beams, and not all patches one time after another.
    """
    if packed:
        return _reread(bench, item, packed, beams)
    try:
        return followed(bench.model, item, new=KEPT, beams=beams)
    except ValueError as error:
        if "do not match" not in str(error):
            raise
    return _reread(bench, item, packed, beams)


def _reread(bench: ArrayBench, item: Mapping[str, Array], packed: Sequence[str], beams: int) -> list[int]:
    import torch

    arrays = WrittenInput(bench.checkpoint, bench.case.given, limit_field="")

    def forward(batch: Batch) -> dict[str, Array]:
        with torch.inference_mode():
            tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in batch.items()}
            given = together(tensors, packed, bench.case.given)
            return {"logits": anew(bench.model, given, bench.case.given)["logits"].numpy()}

    def prepare(items: Sequence[Any], options: Mapping[str, Any]) -> list[Example]:
        return arrays.examples(items)

    steps = Steps(
        prepare,
        lambda example, rows, options: tokens(rows[0], options),
        arrays.sample,
        padding=PADDING,
        options=arrays.options,
        run=arrays.run,
    )
    reader = Rereader(
        task=bench.task, model=bench.checkpoint.name, steps=steps, forward=forward, place=Place("cpu", "cpu")
    )
    found: list[int] = reader(item, max_new_tokens=KEPT, num_beams=beams)["tokens"]
    return found
