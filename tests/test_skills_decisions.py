"""A class that decides between options is loaded as others are, with a report of what its weights lack."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from ipfs_accelerate_generator.specfile import read_spec  # noqa: E402
from ipfs_accelerate_py.errors import CheckpointError  # noqa: E402
from ipfs_accelerate_py.skills import Checkpoint  # noqa: E402
from ipfs_accelerate_py.skills.decisions import Decider  # noqa: E402
from ipfs_accelerate_py.skills.eager import pretrained  # noqa: E402

ROOT = Path(__file__).parents[1]


def saved(folder: Path, *, less: str = "") -> Checkpoint:
    spec = read_spec(ROOT / "model_specs" / "surveyed" / "jev.toml")
    torch.manual_seed(0)
    model = transformers.JevForDecision(transformers.JevConfig(**spec.tiny))
    weights = {name: each for name, each in model.state_dict().items() if name != less}
    model.save_pretrained(folder, state_dict=weights)
    return Checkpoint(str(folder))


def test_the_weights_of_a_checkpoint_are_loaded(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path)
    model = pretrained(Decider(transformers.JevForDecision), checkpoint, dtype="float32")
    assert type(model) is transformers.JevForDecision
    again = transformers.JevForDecision.from_pretrained(tmp_path)
    assert torch.equal(model.proj.weight, again.proj.weight)


def test_weights_that_are_lacking_are_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no weights for proj\.weight,"):
        pretrained(Decider(transformers.JevForDecision), saved(tmp_path, less="proj.weight"), dtype="float32")
