"""A handful of templates, small enough to read at a glance, and a package and a workspace made from them."""

from __future__ import annotations

from pathlib import Path

from ipfs_accelerate_generator.finding import Effect, Finding
from ipfs_accelerate_generator.spec import Head, Limits, ModelSpec, Processors
from ipfs_accelerate_generator.specfile import write_surveyed
from ipfs_accelerate_generator.templates.sources import SUFFIX, Template, Templates
from ipfs_accelerate_generator.workspace import Workspace
from ipfs_accelerate_py.hardware.backend import Backend

FAMILY = '''"""$title, for checkpoints of the type "$model_type".

Tasks: $tasks.

- not offered: $left_out
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipfs_accelerate_py.skills import Head, Skill

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL_TYPE = {{spec.model_type | literal}}
TINY = {{spec.tiny | literal}}  # a $title for tests


def config() -> object:
    """Return the small $config of $origin, whose length is `$tokens_field`."""
    from transformers import AutoConfig

    return AutoConfig(**TINY)


HEADS: Mapping[str, Head] = {
    # % for head in plan.heads
    {{head.task | literal}}: {{head.entry}},
    # % endfor
}

SKILL = Skill(
    model_type=MODEL_TYPE,
    heads=HEADS,
    loaders={
        # % for backend in plan.backends
        {{backend.name | literal}}: {{backend.loader}},
        # % endfor
    },
    left_out={
        # % for pair in plan.left_out
        ({{pair.task | literal}}, {{pair.backend | literal}}): {{pair.reason | literal}},
        # % endfor
    },
)
'''

TASK = '''from __future__ import annotations

from ipfs_accelerate_py.skills import Head, Port


def fill_mask_model(checkpoint: str) -> object:
    """Return `$model`, which reads $inputs and answers in its `$output`."""
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    return AutoModelForMaskedLM.from_pretrained(checkpoint), tokenizer, {{head.config | literal}}


# What goes in.
FILL_MASK_INPUTS = {{head.inputs | literal}}
FILL_MASK = Head(fill_mask_model, dict.fromkeys(FILL_MASK_INPUTS, Port("int64")))
'''

OTHER_TASK = """from __future__ import annotations

from ipfs_accelerate_py.skills import Head

FEATURE_EXTRACTION = Head(config, {})  # $task
"""

TORCH = """from __future__ import annotations

from ipfs_accelerate_py.skills import Handler


def _torch(task: str, device: str) -> Handler:
    return Handler(HEADS[task], device)
"""

CPU = '''def load_cpu(task: str) -> Handler:
    """Return a handler on the $backend."""
    return _torch(task, {{backend.name | literal}})
'''

OPENVINO = '''from __future__ import annotations

from ipfs_accelerate_py.skills import Handler, Path


def load_openvino(task: str) -> Handler:
    """Return a handler on OpenVINO."""
    return Handler(HEADS[task], {{plan.openvino_route | literal}})
'''

TEST = '''"""Properties of the skill for $title."""

from __future__ import annotations

from ipfs_accelerate_skills import hf_stand_in as skill

MODEL_TYPE = {{spec.model_type | literal}}


def test_has_its_tasks() -> None:
    assert list(skill.HEADS) == [
        # % for head in plan.heads
        {{head.task | literal}},
        # % endfor
    ]
'''

TEST_TASK = """from __future__ import annotations

from ipfs_accelerate_skills import hf_stand_in as skill


def test_fill_mask_has_inputs() -> None:
    assert skill.FILL_MASK_INPUTS
"""

TEXTS = {
    "families/embedding": FAMILY,
    "tasks/fill_mask": TASK,
    "tasks/feature_extraction": OTHER_TASK,
    "hardware/torch": TORCH,
    "hardware/cpu": CPU,
    "hardware/openvino": OPENVINO,
    "tests/embedding": TEST,
    "tests/tasks/fill_mask": TEST_TASK,
}

TEMPLATES = Templates.of(Template(name, text) for name, text in TEXTS.items())

SPEC = ModelSpec(
    model_type="bert",
    title="BERT",
    family="embedding",
    subfamily="text-encoder",
    config="BertConfig",
    module="transformers",
    modalities=("text",),
    limits=Limits(tokens="max_position_embeddings"),
    processors=Processors(tokenizer="BertTokenizer"),
    heads=(
        Head(
            task="fill-mask",
            table="MODEL_FOR_MASKED_LM_MAPPING_NAMES",
            model="BertForMaskedLM",
            inputs=("input_ids", "attention_mask"),
            output="logits",
            config={"is_decoder": False},
        ),
        Head(
            task="feature-extraction",
            table="",
            model="BertModel",
            inputs=("input_ids", "attention_mask"),
            output="pooled",
        ),
        Head(
            task="next-sentence-prediction",
            table="",
            model="BertNext",
            inputs=("input_ids",),
            output="logits",
        ),
    ),
    tiny={"hidden_size": 32, "activation": "gelu"},
)


def left_out(reason: str) -> Finding:
    return Finding(
        task="fill-mask",
        backend=Backend.OPENVINO,
        effect=Effect.LEAVE_OUT,
        reason=reason,
        evidence="0" * 12,
        slice="1" * 12,
        seen=("here",),
    )


def write_templates(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        path = folder / "templates" / f"{name}{SUFFIX}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def write_spec(folder: Path, model_type: str = "bert", text: str | None = None) -> Path:
    """Write the spec of a type that is BERT but for its name, or `text`."""
    path = folder / "model_specs" / "surveyed" / f"{model_type}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    told = write_surveyed(SPEC).replace('model_type = "bert"', f'model_type = "{model_type}"')
    path.write_text(told if text is None else text)
    return path


def workspace(folder: Path, *model_types: str, texts: dict[str, str] | None = None) -> Workspace:
    """Return an empty workspace over a package that ships these templates and `model_types`."""
    package, root = folder / "package", folder / "work"
    write_templates(package, TEXTS | (texts or {}))
    for model_type in model_types or ("bert",):
        write_spec(package, model_type)
    root.mkdir(exist_ok=True)
    return Workspace.at(root, package=package)
