"""What a skill knows of one task: how inputs become rows, what runs where the model runs, how rows become answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ipfs_accelerate_py.skills.arrays import Array, Features, Module
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.session import Sessions

Graph = Callable[..., dict[str, Any]]  # tensors by name, and a decoder's cache -> tensors by name
Options = Mapping[str, Any]
Answer = dict[str, Any]  # JSON-serialisable


@dataclass(frozen=True)
class Port:
    """One input of a graph: its element type, the names of its axes, and which of them vary from batch to batch."""

    dtype: Literal["int64", "float32"]
    axes: tuple[str, ...]
    dynamic: tuple[str, ...]

    def __post_init__(self) -> None:
        if stray := set(self.dynamic) - set(self.axes):
            raise ValueError(f"axes {sorted(stray)} are called dynamic, but the port has {self.axes}")


@dataclass(frozen=True)
class Example:
    """One input made ready: the rows that it feeds, and what `present` needs to word the answer."""

    rows: tuple[Features, ...]
    context: Any = None
    notice: str | None = None  # what the user should know, such as a truncation


@dataclass(frozen=True)
class Steps:
    """What happens before and after the forward pass.

    `prepare` turns inputs into examples, `present` one example and the outputs of its rows into an answer. Arrays named
    in `padding` vary in length along their first axis and are filled up with that value. `sample` are inputs that any
    checkpoint of the type can answer: an export is traced with them and an unproved backend is checked with them.
    `other` are such of another size, which an export is compared on, too.
    """

    prepare: Callable[[Sequence[Any], Options], list[Example]]
    present: Callable[[Example, Sequence[Mapping[str, Array]], Options], Answer]
    sample: tuple[Any, ...]
    padding: Mapping[str, int] = field(default_factory=dict)
    side: Literal["left", "right"] = (
        "right"  # where a prompt is filled up; only heads that decode know the left
    )
    options: Mapping[str, Any] = field(default_factory=dict)  # name -> default
    decode: Callable[..., str] | None = None  # (ids, *, skip_special) -> text; for stop strings and streams
    # (ids of a prompt, ids that follow it) -> text of these, where it depends on the prompt; otherwise `decode` serves.
    continued: Callable[[Array, Sequence[int]], str] | None = None
    required: tuple[str, ...] = ()  # options whose default serves the sample alone
    # From the handler, its rows and the options to the outputs of each row, where a head that decodes has to do so more
    # than once for a row, as for a long sound.
    run: Callable[[Any, Sequence[Features], Options], list[dict[str, Array]]] | None = None
    other: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Part:
    """A graph that a head runs before it decodes, such as an encoder; an export finds the names of its outputs."""

    graph: Callable[[Module, Checkpoint], Graph]
    inputs: Mapping[str, Port]


@dataclass(frozen=True)
class Tower:
    """A part of a head that runs by itself: its `inputs` come without those of the others, and give its `outputs`."""

    inputs: Mapping[str, Port]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Head:
    """One task of one model type.

    `model` loads the eager model; `graph` gives the function that runs where the model runs, from tensors named as
    `inputs` are to those named in `outputs`. Their first axis is the row. Where a head is made of `towers`, a row feeds
    one of them, and the graph computes those whose inputs it is given.

    A head that decodes token by token has a `session`, which says what is read and in which order; its `graph` is that
    of the decoder and takes a cache as its second argument, its `inputs` are those of a step, and `parts` are the
    graphs that run before the first step.
    """

    model: Callable[..., Module]
    graph: Callable[[Module, Checkpoint], Graph]
    steps: Callable[[Checkpoint], Steps]
    inputs: Mapping[str, Port]
    outputs: tuple[str, ...]
    session: Sessions | None = None
    parts: Mapping[str, Part] = field(default_factory=dict)
    towers: Mapping[str, Tower] = field(default_factory=dict)  # by the name that their model files get
    shares: str = ""  # the task whose model and graph these are, too: one bundle serves both

    @property
    def decodes(self) -> bool:
        """Whether it answers token by token."""
        return self.session is not None

    def tower(self, name: str) -> Head:
        """Return one tower as a head of its own, to be exported."""
        tower = self.towers[name]
        return replace(self, inputs=tower.inputs, outputs=tower.outputs, towers={})
