"""What a plan says of a head whose class has no forward, and generates a sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ipfs_accelerate_generator.spec import Head
from ipfs_accelerate_generator.values import Value

_LIMIT: Final = "_max_new_tokens"


@dataclass(frozen=True)
class PlannedSpeech:
    """How such a class is asked."""

    head: Head

    @property
    def writes(self) -> bool:
        """Whether the class gives a text as well, and the task wants it."""
        return not self.head.task.endswith("to-audio")

    @property
    def outputs(self) -> tuple[str, ...]:
        """What comes of it."""
        return ("tokens", self.head.output) if self.writes else (self.head.output,)

    @property
    def settings(self) -> dict[str, Value]:
        """What a test tells `generate`."""
        return dict(self.head.generation)

    @property
    def drawing(self) -> dict[str, Value]:
        """The same, but to draw at random."""
        return {name: True if value is False else value for name, value in self.settings.items()}

    @property
    def longer(self) -> dict[str, int]:
        """Twice the room for what becomes a sound: of several limits the last."""
        limits = [(name, value) for name, value in self.settings.items() if name.endswith(_LIMIT)]
        return {name: 2 * value for name, value in limits[-1:] if isinstance(value, int)}

    @property
    def options(self) -> dict[str, Value | None]:
        """What a user may tell it, with the usual values; None where the checkpoint's own counts."""
        return {name: None if name.endswith(_LIMIT) else value for name, value in self.settings.items()}

    @property
    def apart(self) -> tuple[str, ...]:
        """The inputs that are given in place of what else goes with a text, and not beside it."""
        return tuple(each.name for each in self.head.tensors if each.apart)
