"""From verdicts to findings: what the evidence says for everyone, narrow enough to be reviewed as a diff.

Numbers and exports travel: they are the same wherever the same text meets the same libraries. Speed, memory,
crashes and timeouts belong to one machine and stay in its profile; they never become findings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ipfs_accelerate_generator.finding import Effect, Finding
from ipfs_accelerate_py.evidence.environment import Environment
from ipfs_accelerate_py.hardware.backend import Backend
from ipfs_accelerate_py.registry.verdicts import Outlook, Verdict

Place = tuple[str, Backend, str]  # task, backend, precision

_EVIDENCE_DIGITS: Final = 12


@dataclass(frozen=True)
class Change:
    """What is said anew about one cell; `before` and `after` are effects in words, "" for nothing said."""

    model_type: str
    task: str
    backend: str
    precision: str
    before: str
    after: str
    reason: str


def adopted(
    findings: Sequence[Finding],
    verdicts: Iterable[Verdict],
    environments: Mapping[str, Environment],
    *,
    may_return: bool = True,
) -> tuple[Finding, ...]:
    """Return the findings about one model type after `verdicts`, those of each cell's newest text in each environment.

    Of a cell the text that was judged last decides: broken anywhere leaves it out, else it is proved. Cells about
    which nothing was proved keep what was said. Without `may_return` a cell that is left out stays so.
    """
    said: dict[Place, tuple[Finding, ...]] = {}
    for finding in findings:
        place = _place(finding)
        said[place] = (*said.get(place, ()), finding)
    for place, judged in _by_place(verdicts).items():
        said[place] = _settled(said.get(place, ()), judged, environments, may_return=may_return)
    return tuple(finding for place in said for finding in said[place])


def changes(model_type: str, before: Iterable[Finding], after: Iterable[Finding]) -> tuple[Change, ...]:
    """Return what differs between two states of the findings about a model type, sorted by cell."""
    old, new = _told(before), _told(after)
    order = list(Backend)
    found = []
    for place in sorted({*old, *new}, key=lambda each: (each[0], order.index(each[1]), each[2])):
        first, second = old.get(place, ()), new.get(place, ())
        if first == second:
            continue
        task, backend, precision = place
        reason = (second or first)[0].reason
        words = (_words(first), _words(second))
        found.append(Change(model_type, task, backend.value, precision, *words, reason))
    return tuple(found)


def _by_place(verdicts: Iterable[Verdict]) -> dict[Place, tuple[Verdict, ...]]:
    """Return of each cell the verdicts that travel, those on the text that was judged last."""
    found: dict[Place, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.simulated or not (verdict.outlook is Outlook.WORKS or _is_broken(verdict)):
            continue
        if verdict.cell.backend == Backend.CPU and _is_broken(verdict):
            continue  # the reference: without it nothing else can be proved, so a break is a defect to mend
        cell = verdict.cell
        found.setdefault((cell.task, Backend(cell.backend), cell.precision), []).append(verdict)
    newest: dict[Place, tuple[Verdict, ...]] = {}
    for place, judged in found.items():
        judged.sort(key=lambda each: (each.seen, each.environment, each.slice), reverse=True)
        newest[place] = tuple(each for each in judged if each.slice == judged[0].slice)
    return newest


def _is_broken(verdict: Verdict) -> bool:
    return verdict.outlook is Outlook.BROKEN and verdict.portable


def _settled(
    said: tuple[Finding, ...],
    judged: tuple[Verdict, ...],
    environments: Mapping[str, Environment],
    *,
    may_return: bool,
) -> tuple[Finding, ...]:
    """Return what is said about a cell from now on."""
    broken = tuple(each for each in judged if _is_broken(each))
    effects = {finding.effect: finding for finding in said}
    if broken:
        if Effect.EXPECT_FAILURE in effects:  # somebody wants to see it fail, and it did
            return said
        return (_finding(Effect.LEAVE_OUT, broken, effects.get(Effect.LEAVE_OUT), environments),)
    if Effect.LEAVE_OUT in effects and not may_return:
        return said
    after = [_finding(Effect.PROVED, judged, effects.get(Effect.PROVED), environments)]
    if Effect.VARIANT in effects:  # a choice that somebody made; an export tries its ways by itself
        after.insert(0, effects[Effect.VARIANT])
    return tuple(after)


def _finding(
    effect: Effect,
    judged: Sequence[Verdict],
    before: Finding | None,
    environments: Mapping[str, Environment],
) -> Finding:
    """Return the finding with `effect` that `judged` lead to; the one from before if they say nothing new."""
    worst = max(judged, key=lambda each: (each.difference or 0.0, each.environment))
    seen = {environments[each.environment].describe(each.cell.backend) for each in judged}
    found = Finding(
        task=worst.cell.task,
        backend=Backend(worst.cell.backend),
        precision=worst.cell.precision,
        effect=effect,
        reason=worst.reason,
        evidence=_digest(each.evidence for each in judged),
        slice=worst.slice,
        seen=tuple(sorted(seen)),
        difference=None if worst.difference is None else float(f"{worst.difference:.2g}"),
    )
    return found if before is None else _merged(before, found)


def _merged(before: Finding, found: Finding) -> Finding:
    """Return `found`, with what `before` says about the same text in other environments; `before` if it says all.

    That a difference was measured again, with another last digit, is no news.
    """
    if (before.slice, dict(before.variant)) != (found.slice, dict(found.variant)):
        return found
    if not set(before.seen) - set(found.seen):
        return before if (before.seen, before.evidence) == (found.seen, found.evidence) else found
    if set(found.seen) <= set(before.seen):
        return before
    larger = before if (before.difference or 0.0) > (found.difference or 0.0) else found
    return replace(
        larger,
        seen=tuple(sorted({*before.seen, *found.seen})),
        evidence=_digest([before.evidence, found.evidence]),
    )


def _digest(parts: Iterable[str]) -> str:
    names = sorted(set(parts))
    if len(names) == 1:
        return names[0]
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:_EVIDENCE_DIGITS]


def _place(finding: Finding) -> Place:
    return finding.task, finding.backend, finding.precision


def _told(findings: Iterable[Finding]) -> dict[Place, tuple[Finding, ...]]:
    found: dict[Place, tuple[Finding, ...]] = {}
    for finding in findings:
        found[_place(finding)] = (*found.get(_place(finding), ()), finding)
    return found


_WORDS: Final = {
    Effect.LEAVE_OUT: "left out",
    Effect.EXPECT_FAILURE: "expected to fail",
    Effect.PROVED: "proved",
}


def _words(findings: Iterable[Finding]) -> str:
    told = []
    for finding in findings:
        chosen = ", ".join(f"{name} {choice}" for name, choice in sorted(finding.variant.items()))
        told.append(_WORDS.get(finding.effect, chosen))
    return ", ".join(told)
