"""Models that generate and do nothing else: their parts write one after the other, and a sound comes of it.

Their class has no forward, so that what runs where the model runs is its own `generate`, whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ipfs_accelerate_py.errors import BackendError, InputError
from ipfs_accelerate_py.skills.arrays import Array, Features, Module, Tensors
from ipfs_accelerate_py.skills.calls import answered
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.given import ArrayInput, Inputs
from ipfs_accelerate_py.skills.handler import Handler
from ipfs_accelerate_py.skills.head import Options

SEED: Final = "seed"
"""The option that what is drawn at random follows."""
VOICES: Final = "spk_dict.pt"
"""The file of a checkpoint with its voices, where they are no part of its weights."""
_THINKER: Final = "thinker_"
_PIXELS: Final = frozenset({"pixel_values", "pixel_values_videos"})
_BESIDE: Final = (
    frozenset({"pixel_values", "image_grid_thw"}),
    frozenset({"pixel_values_videos", "video_grid_thw", "video_second_per_grid"}),
    frozenset({"input_features", "feature_attention_mask"}),
)
"""What goes with a text where there is something to be seen or heard: all of a kind, or nothing of it."""


class SpeechInput(ArrayInput):
    """The inputs of one head: a text, and the pictures, films and sounds that go with it, if there are any.

    Those called `apart` the class takes in place of the others, and refuses beside them: the other sample has these.
    """

    def __init__(
        self, checkpoint: Checkpoint, inputs: Inputs, options: Mapping[str, Any], *, apart: Sequence[str] = ()
    ) -> None:
        super().__init__(checkpoint, inputs, whole=True)
        self.options: Mapping[str, Any] = {**options, SEED: 0}
        self._apart = frozenset(apart)
        self._others = frozenset[str]().union(*_BESIDE) - self._apart

    @property
    def sample(self) -> tuple[dict[str, Array], ...]:
        """Inputs that any checkpoint of the type can answer."""
        return _without(super().sample, self._apart)

    @property
    def other(self) -> tuple[dict[str, Array], ...]:
        """The same of another size; or with what is given in place of the rest, where there is such."""
        return _without(super().other, self._others if self._apart else frozenset())

    def _row(self, item: Any, index: int) -> Features:
        if not isinstance(item, Mapping):
            return super()._row(item, index)
        absent = frozenset[str]().union(*(kind for kind in _BESIDE if kind.isdisjoint(item)))
        if not (self._apart.isdisjoint(item) or self._others.isdisjoint(item)):
            raise InputError(
                f"has {', '.join(name for name in item if name in self._apart)}, which this class takes in place of "
                f"{', '.join(name for name in item if name in self._others)}, and not beside them",
                index=index,
            )
        asked = copy(self)
        asked.inputs = {name: each for name, each in self.inputs.items() if name not in absent}
        return super(SpeechInput, asked)._row(item, index)

    def run(self, handler: Handler, rows: Sequence[Features], options: Options) -> list[dict[str, Array]]:
        """Return the outputs of each row, one after the other: they differ in length.

        Raises:
            InputError: an option is of another kind than its default, or says nothing that can be done.
        """
        told = {name: _array(name, options[name], usual) for name, usual in self.options.items()}
        chosen = {name: array for name, array in told.items() if array is not None}
        found = []
        for row in rows:
            batch = {name: array[None] for name, array in row.items()} | chosen
            found.append({name: array[0] for name, array in handler.forward(batch).items()})
        return found


def _without(rows: Sequence[dict[str, Array]], names: frozenset[str]) -> tuple[dict[str, Array], ...]:
    return tuple({name: array for name, array in row.items() if name not in names} for row in rows)


def _array(name: str, value: Any, usual: Any) -> Array | None:
    """Return the option `name` as it crosses to where the model runs; None where the checkpoint's own counts."""
    if value is None and usual is None:
        return None
    if isinstance(usual, bool):
        if isinstance(value, bool):
            return np.asarray([value], dtype=np.int64)
        raise InputError(f"{name} is {value!r}; give True or False")
    if isinstance(usual, str):
        if isinstance(value, str) and value:
            return np.asarray([ord(each) for each in value], dtype=np.int64)
        raise InputError(f"{name} is {value!r}; give a name")
    if isinstance(usual, float):
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
            return np.asarray([value], dtype=np.float32)
        raise InputError(f"{name} is {value!r}; give a number above 0")
    least = 0 if name == SEED else 1
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return np.asarray([value], dtype=np.int64)
    raise InputError(f"{name} is {value!r}; give a whole number of at least {least}")


def _value(array: Any, usual: Any) -> Any:
    """Return what `array`, made of an option by `_array`, says; `usual` tells its kind."""
    if isinstance(usual, str):
        return "".join(map(chr, array.tolist()))
    [value] = array.tolist()
    return bool(value) if isinstance(usual, bool) else value


def spoken(model: Module, batch: Tensors, inputs: Inputs, options: Mapping[str, Any]) -> Any:
    """Return what `generate` of `model` gives for one call; an option that nobody gave is what `options` say.

    Where these say None, it is what the checkpoint's generation_config.json says under its name, or what the class has.

    Raises:
        BackendError: it is being exported.
    """
    import torch

    if torch.jit.is_tracing() or torch.compiler.is_compiling():
        raise BackendError(
            f"{type(model).__name__} has no forward to export: it generates, and does nothing else"
        )
    arguments = {name: batch[name][0] for name in inputs if name in batch}
    for name, usual in options.items():
        if name in batch:
            arguments[name] = _value(batch[name], usual)
        elif (value := getattr(model.generation_config, name, None) if usual is None else usual) is not None:
            arguments[name] = value
    with _drawing(model, int(batch[SEED][0]) if SEED in batch else 0):
        return model.generate(**addressed(arguments))


def addressed(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return `arguments` of a `generate` with those for the part that thinks alone under the names for it.

    Without these its talker is handed all pixels, too, and refuses them: `generate` of `models/qwen2_5_omni`.
    """
    thinks = any(name.startswith(_THINKER) for name in arguments)
    return {
        f"{_THINKER}{name}" if thinks and name in _PIXELS else name: value
        for name, value in arguments.items()
    }


@contextmanager
def _drawing(model: Module, seed: int) -> Iterator[None]:
    """Let what is drawn at random follow `seed`, and nothing outside know of it."""
    import torch

    kind, place = model.device.type, model.device.index
    there = [torch.cuda.current_device() if place is None else place] if kind == "cuda" else []
    with torch.random.fork_rng(devices=there):
        torch.manual_seed(seed)
        yield


def waveform(found: Any) -> Any:
    """Return the sound, (1, samples), in what a class generates: alone, or after the tokens of a text."""
    return answered((found[1] if isinstance(found, tuple) else found).reshape(-1), whole=True)


def written(found: Any, batch: Tensors) -> Any:
    """Return the ids, (1, new), that a class wrote after the text that it was given."""
    sequences, _ = found
    return sequences[:, batch["input_ids"].shape[-1] :]


@dataclass(frozen=True)
class Voiced:
    """A class with voices in a file of their own, to be loaded as others are.

    Its own `from_pretrained` takes the pair of a model and a report for a model, so that it can give no report. The
    voices are in a file of torch's, of which transformers reads tensors, numbers and texts and nothing that could run
    (`weights_only`).
    """

    model_class: Any

    @property
    def __name__(self) -> str:
        """The name of the class."""
        return str(self.model_class.__name__)

    def from_pretrained(self, folder: Any, **settings: Any) -> Any:
        """Return what the class gives as a pretrained model does, with the checkpoint's voices."""
        from transformers import PreTrainedModel

        found = PreTrainedModel.from_pretrained.__func__(self.model_class, folder, **settings)
        model = found[0] if isinstance(found, tuple) else found
        if hasattr(model, "load_speakers"):
            path = Path(folder) / VOICES
            if not path.is_file():
                raise OSError(f"{path} is missing, where this class keeps its voices")
            model.load_speakers(path)
        return found
