"""From one version of transformers to another: all types surveyed again, what is different told, modules made anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ipfs_accelerate_generator.batch import Report, generate_types
from ipfs_accelerate_generator.spec import ModelSpec
from ipfs_accelerate_generator.specfile import read_spec
from ipfs_accelerate_generator.survey.outcome import survey_into
from ipfs_accelerate_generator.survey.report import Request
from ipfs_accelerate_generator.workspace import Workspace

Counted = Callable[[int], Callable[[str], None]]


@dataclass(frozen=True)
class Upgrade:
    """What another version of transformers made different."""

    appeared: tuple[str, ...]
    """Types that have a spec now and had none."""
    vanished: tuple[str, ...]
    """Types that had a spec and that this transformers does not know; spec and module stay as they are."""
    changed: Mapping[str, tuple[str, ...]]
    """Types whose spec says something else now, and what."""
    failed: Mapping[str, str]
    """Types that could not be surveyed, and why; a spec of theirs stays as it is."""
    same: int
    generated: Report


def upgrade(workspace: Workspace, *, jobs: int, surveying: Counted, generating: Counted) -> Upgrade:
    """Survey every type of the installed transformers, and generate those whose spec is new or different.

    `surveying` and `generating` are told how many types there will be, and give what is to be called with each name.

    Raises:
        SurveyError: the surveying process could not do its work at all.
        WorkspaceError: a file cannot be read or written.
    """
    before = _specs(workspace)
    outcomes = survey_into(workspace, Request(everything=True, jobs=jobs), surveying)
    after = _specs(Workspace(workspace.root, workspace.package))  # its list of surveyed types is taken once
    failed = {each.report.model_type: each.failure for each in outcomes if each.failure}
    seen = {each.report.model_type for each in outcomes}
    changed = {
        name: found
        for name in sorted(before.keys() & after)
        if (found := differences(before[name], after[name]))
    }
    fresh = Workspace(workspace.root, workspace.package)
    stems = fresh.chosen(sorted(name for name in seen - failed.keys() if name in after))
    return Upgrade(
        appeared=tuple(sorted(after.keys() - before)),
        vanished=tuple(sorted(before.keys() - seen)),
        changed=changed,
        failed=failed,
        same=len(before.keys() & seen) - len(changed) - len(before.keys() & failed),
        generated=generate_types(fresh, stems, jobs=jobs, step=generating(len(stems))),
    )


def differences(before: ModelSpec, after: ModelSpec) -> tuple[str, ...]:
    """Return in words what `after` says otherwise than `before`."""
    old, new = ({head.task: head for head in spec.heads} for spec in (before, after))
    found = [f"new task {task} ({new[task].model})" for task in new if task not in old]
    found += [f"no task {task} any more" for task in old if task not in new]
    for task in (task for task in new if task in old):
        for what in ("model", "inputs", "output", "also", "table"):
            earlier, now = getattr(old[task], what), getattr(new[task], what)
            if earlier != now:
                found.append(f"{task}: {what} {_shown(now)} instead of {_shown(earlier)}")
    for what in ("config", "family", "modalities", "processors", "limits", "vocabulary", "tiny", "unproved"):
        if getattr(before, what) != getattr(after, what):
            found.append(
                f"another {what}" if what != "config" else f"config {after.config} instead of {before.config}"
            )
    if not found and before != after:
        found.append("small things")
    return tuple(found)


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _specs(workspace: Workspace) -> dict[str, ModelSpec]:
    found = {}
    for stem in workspace.stems:
        path = workspace.spec_files(stem).surveyed
        if path is not None:
            spec = read_spec(path)
            found[spec.model_type] = spec
    return found
