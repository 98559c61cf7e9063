"""What can be said of a checkpoint without loading its weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ipfs_accelerate_py.hardware.backend import Backend
from ipfs_accelerate_py.skills.catalogue import find
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.dispatch import choices, pick_task
from ipfs_accelerate_py.skills.text import NO_LIMIT, TextInput
from ipfs_accelerate_py.skills.weights import header


@dataclass(frozen=True)
class Description:
    """One checkpoint: what it is, what it can be asked, where it could run, what it takes."""

    name: str
    folder: str
    model_type: str
    task: str  # the one it was trained for
    tasks: dict[str, str]  # every task that the type has a head for -> class of transformers
    backends: dict[str, str]  # backend -> why it would be chosen or not
    limits: dict[str, Any]
    parameters: (
        int | None
    )  # None for a bundle: an exported graph does not say which of its constants are weights
    stored_bytes: int
    memory_bytes: int | None  # of the weights in float32, on any backend

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def describe(name: str, *, revision: str | None = None) -> Description:
    """Return what is known of the checkpoint `name`, from its small files and the headers of its weights.

    Raises:
        CheckpointError: it is missing, damaged or refused.
        UnknownName: there is no skill for its model type.
    """
    checkpoint = Checkpoint(name, revision)
    entry = find(checkpoint.model_type)
    task = pick_task(checkpoint, entry, None)
    backends = {choice.backend: choice.reason for choice in choices(entry, task)}
    for each in Backend:
        reason = entry.left_out.get(task, {}).get(each.value)
        offered = each.value in entry.backends[task]
        backends.setdefault(
            each.value, reason or ("not installed or not probed here" if offered else "not generated yet")
        )
    limits: dict[str, Any] = {kind: checkpoint.config.get(field) for kind, field in entry.limits.items()}
    if "tokens" in entry.limits:
        limit = TextInput(checkpoint, ("input_ids",), entry.limits["tokens"]).limit
        limits["tokens"] = limit if limit < NO_LIMIT else None
    parameters, stored = _sizes(checkpoint)
    return Description(
        name=checkpoint.name,
        folder=str(checkpoint.folder),
        model_type=entry.model_type,
        task=task,
        tasks=dict(entry.tasks),
        backends=backends,
        limits=limits,
        parameters=parameters,
        stored_bytes=stored,
        memory_bytes=None if parameters is None else parameters * 4,
    )


def _sizes(checkpoint: Checkpoint) -> tuple[int | None, int]:
    """Return the number of parameters, from the headers alone, and the bytes on disk."""
    if checkpoint.manifest:
        return None, sum(path.stat().st_size for path in checkpoint.folder.rglob("*") if path.is_file())
    files = checkpoint.weights()
    return sum(header(path).parameters for path in files), sum(path.stat().st_size for path in files)
