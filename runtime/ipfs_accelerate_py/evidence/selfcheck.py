"""A first-use check: does an unproved backend agree with eager float32 on this very checkpoint?"""

from __future__ import annotations

import json
from dataclasses import astuple
from pathlib import Path

from ipfs_accelerate_py.errors import BackendError
from ipfs_accelerate_py.evidence.comparison import TOLERANCE, Difference, compare
from ipfs_accelerate_py.evidence.digests import digest
from ipfs_accelerate_py.evidence.environment import environment
from ipfs_accelerate_py.evidence.lab import Bench, Case
from ipfs_accelerate_py.files import write_atomic
from ipfs_accelerate_py.locations import home
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.handler import Handler
from ipfs_accelerate_py.skills.skill import Skill


def check_once(skill: Skill, module: Path, checkpoint: Checkpoint, handler: Handler) -> None:
    """Check `handler` before its first use with this checkpoint, module and environment; later the answer is known.

    Raises:
        BackendError: it does not agree with the eager model, now or when it was first checked.
    """
    parts = (checkpoint.digest(), module.read_text(encoding="utf-8"), handler.task, *astuple(handler.place))
    memory = home() / "checks" / f"{digest(json.dumps([*parts, environment().digest]))}.json"
    if memory.is_file():
        refusal = json.loads(memory.read_text(encoding="utf-8"))["refusal"]
    else:
        try:
            refusal = None
            self_check(skill, checkpoint, handler)
        except BackendError as error:
            refusal = str(error)
        write_atomic(memory, json.dumps({"refusal": refusal}))
    if refusal is not None:
        raise BackendError(refusal)


def self_check(skill: Skill, checkpoint: Checkpoint, handler: Handler) -> Difference:
    """Return how far `handler` is from the eager model on the head's own sample inputs.

    Raises:
        BackendError: further than the tolerance; the message says how far and where.
    """
    steps = handler.steps
    bench = Bench(
        skill, handler.task, Case(build=_never, inputs=steps.sample, options=steps.options), checkpoint
    )
    found = compare(handler.forward(bench.batch), bench.reference(bench.batch))
    if not found.within():
        raise BackendError(
            f"{handler.place.backend} does not agree with eager float32 on {checkpoint.name}: {found}; "
            f"at most {TOLERANCE:g} is allowed"
        )
    return found


def _never(config: object) -> object:
    raise AssertionError(f"a self-check builds no model, not even with {config!r}")
