"""Export routes that no finding has chosen yet work all the same: each gives the numbers of eager float32."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipfs_accelerate_generator.finding import Effect, Finding
from ipfs_accelerate_generator.generate import generate
from ipfs_accelerate_generator.plan import plan
from ipfs_accelerate_generator.specfile import read_spec
from ipfs_accelerate_generator.templates.sources import Templates
from ipfs_accelerate_generator.workspace import Workspace
from ipfs_accelerate_py.evidence.comparison import compare
from ipfs_accelerate_py.evidence.lab import Bench, Case
from ipfs_accelerate_py.evidence.tiny import saved, trained
from ipfs_accelerate_py.hardware.backend import Backend
from ipfs_accelerate_py.skills import Checkpoint
from ipfs_accelerate_py.skills.export import load_module

TASK = "fill-mask"
TEXTS = (
    "A [MASK] sat on the mat.",
    "Two dogs [MASK] over the green hill, and a third one [MASK] in the sun.",
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    from transformers import BertConfig, BertForMaskedLM, BertTokenizer

    tokenizer = trained(BertTokenizer)
    tiny = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    config = BertConfig(**tiny, max_position_embeddings=64, vocab_size=len(tokenizer), initializer_range=0.2)
    return saved(tmp_path_factory.mktemp("bert"), lambda: BertForMaskedLM(config), [tokenizer])


@pytest.mark.parametrize(
    ("backend", "route"),
    [
        ("openvino", "onnx"),
        ("onnxruntime", "dynamo"),
        ("openvino", "exporters"),
        ("onnxruntime", "exporters"),
    ],
)
def test_a_route_that_a_finding_chooses_is_taken_and_agrees(
    backend: str, route: str, checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPFS_ACCELERATE_HOME", str(tmp_path / "home"))
    chosen = Finding(
        task=TASK,
        backend=Backend(backend),
        effect=Effect.VARIANT,
        reason="tried by a test",
        evidence="0123456789ab",
        slice="0123456789ab",
        seen=("a test",),
        variant={"route": route},
    )
    workspace = Workspace.at(tmp_path)
    surveyed = Path(__file__).parents[1] / "model_specs" / "surveyed" / "bert.toml"
    made = generate(
        plan(read_spec(surveyed), [chosen], Templates.of(workspace.templates())),
        Templates.of(workspace.templates()),
    )
    module = tmp_path / "hf_bert.py"
    module.write_text(made[0].text)
    skill = load_module(module).SKILL

    handler = skill.load(checkpoint, TASK, backend)

    bench = Bench(skill, TASK, Case(build=lambda config: config, inputs=TEXTS), checkpoint)
    assert handler.place.route == route
    assert compare(handler.forward(bench.batch), bench.reference(bench.batch)).within()
