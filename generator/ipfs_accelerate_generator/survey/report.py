"""What the surveying process is asked and what it answers; both cross a pipe as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

LEAST_CONTROL: Final = 0.1
"""What another input must change in an output, relative to its largest value: 100 times the tolerance."""


@dataclass(frozen=True)
class Request:
    """The model types to survey, or every one that is known."""

    model_types: list[str] = field(default_factory=list)
    everything: bool = False
    imports: list[str] = field(default_factory=list)
    limit_s: float = 120.0
    jobs: int = 1
    known: list[str] = field(default_factory=list)
    """Types of these that need no survey, as an earlier one is at hand."""
    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What overrides say of tiny configurations, by the stem of their files."""


@dataclass(frozen=True)
class Report:
    """How the survey of one model type ended: with the text of its file, or with a failure."""

    model_type: str
    text: str = ""
    tasks: list[str] = field(default_factory=list)
    """Those of its heads; of a failure those that transformers has a class for."""
    alternative: str = ""
    """The way to shrink the configuration that was taken."""
    tried: list[str] = field(default_factory=list)
    """The ways that did worse, and why."""
    left_out: list[str] = field(default_factory=list)
    """Heads that could not be run in any way, and why."""
    other_inputs: list[str] = field(default_factory=list)
    """The ways to feed a head that were tried before the one that worked, and why they failed."""
    control: float | None = None
    """The least change that another input or an ignored mask made, relative to the largest output."""
    seconds: float = 0.0
    failure: str = ""
    absent: bool = False
    """Whether it failed only because transformers has no model class for the type."""
