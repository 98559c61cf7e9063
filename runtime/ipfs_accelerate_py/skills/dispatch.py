"""From a name to a handler: which model type, which task, which backend, chosen by evidence."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ipfs_accelerate_py.errors import BackendError, BundleError, UnknownName, WorkspaceError, unknown
from ipfs_accelerate_py.hardware.backend import EXPORTED, Backend
from ipfs_accelerate_py.hardware.backend import backend as backend_named
from ipfs_accelerate_py.skills.catalogue import Entry, find
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.failed_exports import believed
from ipfs_accelerate_py.skills.handler import Handler
from ipfs_accelerate_py.skills.libraries import LIBRARIES, missing
from ipfs_accelerate_py.skills.own_pictures import reading
from ipfs_accelerate_py.skills.scores import labels
from ipfs_accelerate_py.skills.skill import Skill
from ipfs_accelerate_py.skills.task import task as task_named

log = logging.getLogger(__name__)

MEASURED = "the fastest that was measured on this machine"
COMMITTED = "proved elsewhere, not yet measured on this machine"
CHECKED = "not proved yet; it agreed with eager float32 when it was first loaded"
UNPROVED = "not proved yet, and not compared with anything"
ASKED = "asked for by name"


@dataclass(frozen=True)
class Choice:
    """A backend and why it is the one."""

    backend: str
    reason: str


def load(
    name: str,
    task: str | None = None,
    backend: str | None = None,
    *,
    revision: str | None = None,
    **options: Any,
) -> Handler:
    """Return a handler of the checkpoint `name`: a folder, a bundle's folder or a Hub id.

    Without `task` it is the one that the checkpoint was trained for; without `backend` the one that evidence favours.
    `options` go to the module's loader, such as `device="GPU"` for OpenVINO. Where the task takes arrays, the handler
    takes a text, pictures and sounds as well, which the checkpoint's own processor makes them of.

    Raises:
        UnknownName: the model type, task, backend or option is not known; the message names the nearest.
        CheckpointError: the checkpoint is missing, damaged or refused.
        BackendError: the backend is not on this machine, was left out, or none of them could load the model.
    """
    checkpoint = Checkpoint(name, revision)
    entry = find(checkpoint.model_type)
    chosen_task = pick_task(checkpoint, entry, task)
    skill = entry.skill()
    if backend is not None or checkpoint.manifest:
        asked = backend if backend is not None else str(checkpoint.manifest["backend"])
        handler = skill.load(checkpoint, chosen_task, backend_named(asked).value, **options)
        return _noted(reading(handler, checkpoint, proved=chosen_task not in entry.arrays), ASKED)
    refused: list[str] = []
    known = {each for name in entry.backends[chosen_task] for each in skill.options(name)}
    for option in options:
        if option not in known:
            raise unknown("option", option, sorted(known))
    for choice in choices(entry, chosen_task):
        if strange := [option for option in options if option not in skill.options(choice.backend)]:
            refused.append(f"{choice.backend} has no option {strange[0]!r}")
            continue
        try:
            with believed():
                handler = skill.load(checkpoint, chosen_task, choice.backend, **options)
            unproved = choice.reason == UNPROVED
            reason = _checked(entry, skill, checkpoint, handler) if unproved else choice.reason
            return _noted(reading(handler, checkpoint, proved=chosen_task not in entry.arrays), reason)
        except (BackendError, BundleError, WorkspaceError) as error:
            log.warning("%s: %s is not used: %s", checkpoint.name, choice.backend, error)
            refused.append(f"{choice.backend}: {error}")
    offered = ", ".join(entry.backends[chosen_task])
    why = (
        "; ".join(refused)
        or f"none of {offered} is installed; python -m pip install 'ipfs_accelerate_py[openvino]'"
    )
    raise BackendError(f"{checkpoint.name}: no backend could load it for {chosen_task}: {why}")


def pick_task(checkpoint: Checkpoint, entry: Entry, asked: str | None) -> str:
    """Return the task `asked` for, else the one that the checkpoint was trained for.

    Raises:
        UnknownName: there is no such task, or the model type has no head for it.
    """
    if asked is not None:
        if task_named(asked) not in entry.tasks:
            raise UnknownName(f"{entry.model_type} has no head for {asked}; it has {', '.join(entry.tasks)}")
        return asked
    if checkpoint.manifest:
        return str(checkpoint.manifest["task"])
    if (checkpoint.folder / "modules.json").exists() and "feature-extraction" in entry.tasks:
        return "feature-extraction"  # a pipeline of sentence-transformers
    trained = checkpoint.config.get("architectures")
    fitting = [task for task, model in entry.tasks.items() if isinstance(trained, list) and model in trained]
    if fitting:
        return fitting[0]
    chosen = _task_of_labels(checkpoint, entry) or next(iter(entry.tasks))
    log.info("%s: architectures is %s, which tells no task; taking %s", checkpoint.name, trained, chosen)
    return chosen


def _task_of_labels(checkpoint: Checkpoint, entry: Entry) -> str | None:
    """Return the task that named labels speak of; those of tokens begin with B- or I-."""
    if not checkpoint.config.get("id2label"):
        return None
    names = labels(checkpoint)
    if all(name == f"LABEL_{place}" for place, name in enumerate(names)):
        return None  # what transformers writes for a model without labels of its own
    of_tokens = any(name.startswith(("B-", "I-")) for name in names)
    wanted = ("token-classification",) if of_tokens else ("text-classification", "image-classification")
    return next((task for task in wanted if task in entry.tasks), None)


def choices(entry: Entry, task: str) -> Iterator[Choice]:
    """Yield the backends that may load `task` here, best evidence first: measured here, proved elsewhere, unproved.

    One that failed its tests here counts as unproved whatever was seen elsewhere, and comes last.
    """
    from ipfs_accelerate_py.evidence import profile

    offered = [name for name in entry.backends[task] if installed(name)]
    here = profile.standing(entry.model_type, task)
    proved = [name for name in entry.proved.get(task, {}) if name not in here.failed]
    measured = [name for name in here.ranked if name in offered]
    yield from (Choice(name, MEASURED) for name in measured)
    by_kind = sorted(
        offered, key=lambda name: (name in here.failed, Backend(name) not in EXPORTED)
    )  # a bundle starts ten times sooner
    yield from (Choice(name, COMMITTED) for name in by_kind if name in proved and name not in measured)
    yield from (Choice(name, UNPROVED) for name in by_kind if name not in proved and name not in measured)


def installed(backend: str) -> bool:
    """Whether the libraries of `backend` are installed; a device that must be probed counts once it was measured."""
    if backend not in LIBRARIES:
        from ipfs_accelerate_py.evidence import profile

        return any(cell.backend == backend for cell in profile.measurements())
    return missing(backend) is None


def _checked(entry: Entry, skill: Skill, checkpoint: Checkpoint, handler: Handler) -> str:
    """Return how far an unproved handler can be trusted.

    Raises:
        BackendError: its numbers differ from the reference's.
    """
    if handler.place.backend == "cpu" or not installed("cpu"):
        return UNPROVED
    from ipfs_accelerate_py.evidence.selfcheck import check_once

    check_once(skill, entry.file, checkpoint, handler)
    return CHECKED


def _noted(handler: Handler, reason: str) -> Handler:
    handler.reason = reason
    return handler
