"""The README of a vendored folder: what it is, what to install, how to call it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from typing import Final

from ipfs_accelerate_generator.vendor.needed import Source
from ipfs_accelerate_generator.vendor.requirements import Requirement, always, by_extra
from ipfs_accelerate_py.hardware.backend import EXPORTED, Backend
from ipfs_accelerate_py.skills.catalogue import Entry
from ipfs_accelerate_py.version import __version__

_EXTRAS: Final = {Backend.OPENVINO: "openvino", Backend.ONNXRUNTIME: "onnx", Backend.QUALCOMM: "onnx"}
_REMARKS: Final = {
    Backend.CUDA: "a build of PyTorch for NVIDIA GPUs",
    Backend.ROCM: "a build of PyTorch for AMD GPUs",
    Backend.XPU: "a build of PyTorch for Intel GPUs",
    Backend.QUALCOMM: "`onnxruntime-qnn` in the place of `onnxruntime`",
}

_TEXT: Final = """\
# {name}

A skill for checkpoints whose `model_type` is `{model_type}`, with the part of `ipfs_accelerate_py` {version} that it
calls. The folder needs nothing else of that package. Copy it to where your program imports from; it may be part of a
package of yours, and have another name.

```python
from {name} import SKILL, Checkpoint

handler = SKILL.load(Checkpoint("path/to/checkpoint"), "{task}", "cpu")
print(handler(handler.steps.sample[0]))  # an input that every checkpoint can answer; give yours
```

`Checkpoint` takes a folder or, where `huggingface_hub` is installed, a Hub id. A list of inputs gives the list of their
answers. What is refused is an `AccelerateError`, which says where, what and what to do.

## What to install

Always: {always}. Beside that, for the backend that you load:

| backend | needs | |
|---|---|---|
{backends}

`openvino`, `onnxruntime` and `qualcomm` run exported models. The first `load` exports the checkpoint, in a child
process, and for that it needs what `cpu` needs as well. From then on neither torch nor transformers is imported. The
exported model lies in a folder of its own under `$IPFS_ACCELERATE_HOME`, else under the platform's cache folder, in
`ipfs-accelerate/bundles`; on a machine without torch, give that folder as the checkpoint.

## Tasks

| task | class of transformers | backends |
|---|---|---|
{tasks}

## What is what

| file | is |
|---|---|
| `{module}.py` | the skill: loading, the forward pass, tensor names and the order of operations, on every backend |
| `_runtime/` | what it calls: the definitions that it can reach, as they were, and nothing else |
| `vendored.json` | what the folder was made from, and the digests of its files |

It is yours to change. To make it anew from another version: `ipfs-accelerate vendor {model_type} -o {name}`, which
refuses to overwrite what you changed unless it is told `--force`. Messages that name `ipfs-accelerate cache` speak of
a command of the package, which lists, checks and prunes exported models; deleting a model's folder does as well.

Licence: Apache-2.0, see `LICENSE`. The files under `_runtime/` are parts of those of `ipfs_accelerate_py`; their
imports and what messages say to install were changed.
"""


def readme(name: str, entry: Entry, skill: Source, extras: Collection[str]) -> str:
    """Return the text for the skill of `entry` in a folder called `name`; `extras` are those that its code names."""
    inputs = sorted({*extras} - {"torch", *_EXTRAS.values()})
    offered = {each for names in entry.backends.values() for each in names}
    return _TEXT.format(
        name=name,
        module=skill.name,
        model_type=entry.model_type,
        version=__version__,
        task=_default_task(skill) or next(iter(entry.tasks)),
        always=_listed([*always(), *(each for extra in inputs for each in by_extra()[extra])]),
        backends="\n".join(_backend(each) for each in Backend if each in offered),
        tasks="\n".join(
            f"| {task} | `{kind}` | {', '.join(entry.backends[task])} |" for task, kind in entry.tasks.items()
        ),
    )


def _backend(backend: Backend) -> str:
    needed = by_extra()[_EXTRAS.get(backend, "torch")]
    kind = "runs an exported model" if backend in EXPORTED else "runs the checkpoint itself"
    remark = _REMARKS.get(backend)
    return f"| {backend} | {_listed(needed)} | {kind}{f'; {remark}' if remark else ''} |"


def _listed(requirements: Sequence[Requirement]) -> str:
    return ", ".join(f"`{each}`" for each in requirements)


def _default_task(skill: Source) -> str:
    for place in skill.definitions.get("DEFAULT_TASK", ()):
        statement = skill.statements[place]
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            return str(statement.value.value)
    return ""
