"""What inputs are made for, and the sizes that a configuration states for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

IMAGE_SIZES: Final = ("image_size", "img_size", "max_img_size", "crop_size", "input_size")
"""What a configuration calls the size of a picture: a number, or its height and its width."""
BATCH: Final = 2
CHOICES: Final = 3
SAMPLES: Final = 8000  # half a second of audio, enough for every kernel of a speaker model


def parts(config: Any) -> Iterator[Any]:
    """Yield a configuration and those it is made of, outermost first."""
    from transformers import PreTrainedConfig

    yield config
    for value in list(vars(config).values()):
        if isinstance(value, PreTrainedConfig):
            yield from parts(value)


def text(config: Any) -> Any:
    """Return the part of a configuration that is about text: of several what reads it, not what writes."""
    try:
        return config.get_text_config()
    except ValueError:  # it cannot tell which
        return config.get_text_config(encoder=True)


def number(config: Any, names: Iterable[str], otherwise: int) -> int:
    """Return the first of `names` that a part of `config` has, as a whole number; of a pair its last."""
    return (numbers(config, names) or (otherwise,))[-1]


def numbers(config: Any, names: Iterable[str]) -> tuple[int, ...]:
    """Return the first of `names` that a part of `config` has, as whole numbers: one, or all of a list."""
    for name in names:
        for part in parts(config):
            value = vars(part).get(name)
            each = tuple(value) if isinstance(value, (list, tuple)) else (value,)
            if each and all(isinstance(one, int) and not isinstance(one, bool) and one > 0 for one in each):
                return each
    return ()


@dataclass(frozen=True)
class Shape:
    """What inputs are made for: a task, a configuration, a number of tokens and a seed."""

    task: str
    config: Any
    tokens: int
    seed: int = 0
    left: bool = False
    """Padding stands at the left, as in a batch for generation."""
    masked: int = 0
    """How many places the attention mask has: tokens, samples or frames."""
    pictured: int = 0
    """How many tokens of each text, beside `tokens`, stand for a picture."""
    spoken: int = 0
    """How many more stand for a sound."""
    begun: int = 0
    """How many ids a decoder behind an encoder has written, where they are not as many as the text has."""
    form: str = ""
    """How the numbers of a picture lie, one of `shown.FORMS`; "" says: as the rules of its inputs have it."""
    batch: int = BATCH
    names: tuple[str, ...] = ()
    """All inputs that are made: what one of them is can depend on those beside it."""
    chosen: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Which of its rules makes an input; the first where nothing is said."""
    heard: int = 0
    """How many frames or samples the sounds have that stand beside a mask of them."""
    stretch: int = 1
    """How many times the usual length the sounds have."""
    sizes: Mapping[str, Mapping[int, int]] = field(default_factory=dict, hash=False)
    """Sizes that a layer asked for, by input and axis."""

    @property
    def placed(self) -> int:
        """How many tokens of each text stand for something else than text."""
        return self.pictured + self.spoken

    @property
    def whole(self) -> int:
        """How many tokens each text has in all."""
        return self.tokens + self.placed

    @property
    def rows(self) -> tuple[int, ...]:
        """The leading sizes: the batch, and the choices where the task has some."""
        return (self.batch, CHOICES) if self.task == "multiple-choice" else (self.batch,)

    @property
    def last(self) -> tuple[int, int]:
        """The last place of each row that is no padding."""
        return self.tokens - 1, self.tokens - 1 - (0 if self.left else self.tokens // 3)
