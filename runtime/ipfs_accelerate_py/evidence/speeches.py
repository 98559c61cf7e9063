"""What a small model that does nothing but generate has beside its weights, as the checkpoints of its type do."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ipfs_accelerate_py.evidence.comparison import Array
from ipfs_accelerate_py.evidence.controls import Control, relative_change
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.given import Given, Inputs
from ipfs_accelerate_py.skills.handler import Handler
from ipfs_accelerate_py.skills.speeches import VOICES, addressed

if TYPE_CHECKING:
    from ipfs_accelerate_py.evidence.lab import Bench

_SEED: Final = 13
_FRAMES: Final = 30  # of the sound that shows a voice
_LIMIT: Final = "_max_new_tokens"


def speaking(model: Any, settings: Mapping[str, Any]) -> Any:
    """Return `model` as checkpoints of its type have it, with short limits among the `settings` of its `generate`.

    What a type says of its own about generation, with its usual numbers, is in its generation_config.json, and so are
    the limits. Books of codes, which training fills, are drawn, for while they are zeros every text sounds the same:
    far apart, so that codes are heard beside the biases of what makes a sound of them. Voices that are no part of the
    weights are drawn, too, and saved beside them.
    """
    import torch
    from transformers import GenerationConfig

    drawn, kept = torch.Generator().manual_seed(_SEED), model.state_dict().keys()
    for name, buffer in model.named_buffers():
        if name in kept and buffer.is_floating_point() and buffer.dim() > 1 and not buffer.any():
            buffer.normal_(generator=drawn)
    limits = {name: value for name, value in settings.items() if name.endswith(_LIMIT)}
    model.generation_config = GenerationConfig(**_usual(type(model)), **limits)
    if hasattr(model, "speaker_map"):
        model.speaker_map = {settings["speaker"]: _voice(model.config)}
        model.save_pretrained = _Saved(model)
    return model


def _usual(model_class: type) -> dict[str, Any]:
    """Return what the generation of `model_class` has in a module of its type's own; nothing where there is none."""
    place, _, name = model_class.__module__.rpartition(".modeling_")
    try:
        module = importlib.import_module(f"{place}.generation_configuration_{name}")
    except ModuleNotFoundError:
        return {}
    made = getattr(module, f"{model_class.__name__.removesuffix('Model')}GenerationConfig")()
    return {key: value for key, value in made.to_dict().items() if key != "model_type"}


def _voice(config: Any) -> dict[str, Any]:
    """Return a random voice: a token that begins what it says, a vector, and the spectrogram of something it said."""
    import torch

    drawn, sizes = torch.Generator().manual_seed(_SEED), config.token2wav_config.dit_config
    return {
        "bos_token": config.talker_config.tts_text_start_token_id,
        "cond": torch.randn(1, sizes.enc_emb_dim, generator=drawn),
        "ref_mel": torch.randn(1, _FRAMES, sizes.mel_dim, generator=drawn),
    }


class _Saved:
    """Saving a model with its voices, which transformers reads and does not write."""

    def __init__(self, model: Any) -> None:
        self._save, self._voices = model.save_pretrained, model.speaker_map

    def __call__(self, folder: Path, **settings: Any) -> None:
        import torch

        self._save(folder, **settings)
        torch.save(self._voices, Path(folder) / VOICES)


def generated(
    model: Any, item: Mapping[str, Array], settings: Mapping[str, Any], *, seed: int = 0
) -> dict[str, Array]:
    """Return what `generate` of `model` itself gives for the arrays of one call: the new tokens, if any, and the sound.

    What is drawn at random follows `seed`.
    """
    import torch

    arguments = {name: torch.from_numpy(array.copy()) for name, array in item.items()}
    torch.manual_seed(seed)
    found = model.generate(**addressed({**arguments, **settings}))
    if not isinstance(found, tuple):
        return {"waveform": found.float().flatten().numpy()}
    sequences, sound = found
    new = sequences[0, item["input_ids"].shape[-1] :]
    return {"tokens": new.numpy(), "waveform": sound.float().flatten().numpy()}


def alike(first: Mapping[str, Array], second: Mapping[str, Array]) -> bool:
    """Whether two results are the same."""
    return all(np.array_equal(first[name], second[name]) for name in first)


def saved_otherwise(bench: Bench, folder: Path) -> Checkpoint:
    """Return the checkpoint of `bench` with each matrix of its weights turned upside down."""
    from safetensors.torch import load_file, save_file

    path = bench.saved_again(folder).folder / "model.safetensors"
    weights = load_file(path)
    turned = {name: each.flip(0) if each.dim() > 1 else each for name, each in weights.items()}
    save_file({name: each.contiguous() for name, each in turned.items()}, path, metadata={"format": "pt"})
    return Checkpoint(str(folder))


def without(inputs: Inputs, names: Collection[str]) -> dict[str, Given]:
    """Return `inputs` less those called `names`, and without the second sample, which is about these."""
    return {
        name: replace(each, other_sizes=(), others=()) for name, each in inputs.items() if name not in names
    }


def overheard(handler: Handler, item: Mapping[str, Array], names: Collection[str]) -> Iterator[Control]:
    """Yield how far each of the inputs called `names` that is a sound moves what is said when it is played backwards.

    Its mask is no more than its length, which the text has as many tokens for: another is refused.
    """
    right = np.asarray(handler(item)["waveform"], dtype=np.float32)
    for name in names:
        if item[name].dtype.kind != "f":
            continue
        moved = np.asarray(
            handler({**item, name: np.ascontiguousarray(item[name][..., ::-1])})["waveform"], dtype=np.float32
        )
        yield Control(f"{name} changed", relative_change({"waveform": right}, {"waveform": moved}))
