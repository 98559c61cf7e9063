"""A config class as a sheet of fields: what each counts, its default, and the smaller value it is to get."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from huggingface_hub.errors import StrictDataclassError

from ipfs_accelerate_generator.survey.quantities import Quantity, is_count, is_counts, quantity

VOCABULARY: Final = 128
"""Enough for a small trained tokenizer; a test sets the number of tokens that its own has."""


_SENSES: Final = frozenset({"vision_config", "audio_config", "sound_config"})
"""Parts that a class may do without, and a type that is asked about pictures or sounds may not."""


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """One way to shrink: the number that each quantity gets, and words for the report."""

    name: str
    width: int = 32
    heads: int = 4
    layers: int = 2
    positions: int = 64
    patch: int = 8
    image: int = 0
    """Pixels a side; 0 says: four patches, or 64 where there is no single patch size or a pyramid."""
    divide: bool = False
    """Divide all widths by one number, which keeps the shares between them, instead of making them equal."""
    keep_widths: bool = False
    thorough: bool = False
    """Look closer: give numbers to what is unset, know rare names, and let every kind of layer have its place."""
    spread: float = 0.2
    """At 0.02, the usual default, a small model hardly depends on its input."""
    factor: float = 1.0

    @property
    def head_width(self) -> int:
        """The width of one head."""
        return max(self.width // self.heads, 2)


@dataclass(frozen=True)
class Sheet:
    """The fields of one config class before and after; rules and relations fill in `after`."""

    config: Any
    how: Alternative
    before: Mapping[str, Any]
    counts: Mapping[str, Quantity]
    ids: Iterator[int]
    after: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Any, how: Alternative, start: Mapping[str, Any], ids: Iterator[int]) -> Sheet:
        """Return the sheet of `config`, whose defaults are overlaid by `start`, before anything is shrunk."""
        before = defaults(config) | dict(start)
        names = {part.name for part in parts(config, how.thorough)}
        common = getattr(config, "attribute_map", {})
        counts = {name: quantity(name, common, how.thorough) for name in before if name not in names}
        derived = _derived(config, start, {name: before[name] for name in counts})
        if how.thorough:
            before |= derived
        else:  # places among layers that are no longer there would mean nothing
            before |= {name: value for name, value in derived.items() if counts[name] is Quantity.PLACES}
        return cls(config, how, before, counts, ids)

    def single(self, *wanted: Quantity) -> Iterator[tuple[str, int]]:
        """Yield the names and defaults of the fields that hold one number of a wanted quantity."""
        for name, counts in self.counts.items():
            if counts in wanted and is_count(self.before[name]):
                yield name, self.before[name]

    def listed(self, *wanted: Quantity) -> Iterator[tuple[str, list[int] | tuple[int, ...]]]:
        """Yield the names and defaults of the fields that hold a list of numbers of a wanted quantity."""
        for name, counts in self.counts.items():
            if counts in wanted and is_counts(self.before[name]):
                yield name, self.before[name]

    @property
    def stages(self) -> int:
        """How many stages a pyramid has; 0 if this is none."""
        return max((len(value) for _, value in self.listed(Quantity.LAYERS)), default=0)

    @property
    def divisor(self) -> int:
        """The largest power of two that divides the smallest main width and leaves at least 16 of it."""
        widths = [min(value) for _, value in self.listed(Quantity.WIDTH)]
        smallest = min(widths or [value for _, value in self.single(Quantity.WIDTH)], default=1)
        divisor = 1
        while smallest // (divisor * 2) >= 16 and smallest % (divisor * 2) == 0:
            divisor *= 2
        return divisor

    def changed(self) -> dict[str, Any]:
        """Return what differs from the defaults of the class; what is unset on purpose no file can hold."""
        told = defaults(self.config)
        now = {name: self.after.get(name, value) for name, value in self.before.items()} | self.after
        return {
            name: value
            for name, value in now.items()
            if value is not None and (name not in told or value != told[name])
        }


def defaults(config: Any) -> dict[str, Any]:
    """Return the fields that `config` adds to the common parent of configurations, with their defaults."""
    from transformers import PreTrainedConfig

    common = {entry.name for entry in dataclasses.fields(PreTrainedConfig)}
    values: dict[str, Any] = {}
    for entry in dataclasses.fields(config):
        if entry.name in common:
            continue
        if entry.default is not dataclasses.MISSING:
            values[entry.name] = entry.default
        elif entry.default_factory is not dataclasses.MISSING:
            values[entry.name] = entry.default_factory()
    return values


@functools.cache
def plain(config: Any) -> Any | None:
    """Return a configuration with the defaults of the class, to be read only; None where there is none.

    transformers writes into the defaults of a class as it makes one: they are put back.
    """
    told = [spec.init_kwargs for spec in (getattr(config, "sub_configs_defaults", None) or {}).values()]
    kept = copy.deepcopy(told)
    made = whole(config, {})
    for before, now in zip(kept, told, strict=True):
        now.clear()
        now.update(before)
    return made


def whole(config: Any, start: Mapping[str, Any]) -> Any | None:
    """Return a configuration made of `start`; None where the class does not take it."""
    try:
        return config(**start)
    except (StrictDataclassError, AttributeError, LookupError, TypeError, ValueError):
        return None


def _derived(config: Any, start: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers and lists that the class itself gives to fields which `told` leaves unset.

    Not to private ones, which it sets by what others say: of a backbone, the stages that it gives.
    """
    made = vars((whole(config, copy.deepcopy(dict(start))) if start else plain(config)) or object)
    unset = {name: made.get(name) for name, value in told.items() if value is None and name[0] != "_"}
    return {
        name: copy.deepcopy(value)
        for name, value in unset.items()
        if is_count(value) or (isinstance(value, (list, tuple)) and value)
    }


@dataclass(frozen=True)
class Part:
    """A configuration inside another."""

    name: str
    config: Any
    start: Mapping[str, Any]
    """What the outer class sets in it."""
    by_type: bool
    """Whether transformers looks its class up by a model type, which must then be given."""


def parts(config: Any, thorough: bool = False) -> Iterator[Part]:
    """Yield the configurations that `config`, a config class, is made of.

    With `thorough` also those that the class does not say the defaults of, where a default configuration has them.
    """
    from transformers import PreTrainedConfig
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    told = defaults(config)
    for name, spec in (getattr(config, "sub_configs_defaults", None) or {}).items():
        if spec.optional and told.get(name) is None and not (thorough and name in _SENSES):
            continue
        start = dict(told[name]) if isinstance(told.get(name), dict) else dict(spec.init_kwargs)
        chosen = start.pop("model_type", spec.model_type)
        if chosen is not None and chosen not in CONFIG_MAPPING:
            chosen = chosen.replace("_", "-")  # as some types are spelled
        own = isinstance(spec.config_class, type) and issubclass(spec.config_class, PreTrainedConfig)
        made = vars(plain(config) or object).get(name)
        if not own and chosen not in CONFIG_MAPPING and isinstance(made, PreTrainedConfig):
            inner = type(made)  # a type of no class, which its own class does not ask for either
        else:
            inner = spec.config_class if own else CONFIG_MAPPING[chosen]
        yield Part(name, inner, start, by_type=not own or name == "backbone_config")
    if thorough:
        made = vars(plain(config) or object)
        known = getattr(config, "sub_configs_defaults", None) or {}
        for name, inner in (getattr(config, "sub_configs", None) or {}).items():
            own = isinstance(inner, type) and isinstance(made.get(name), inner)
            if own and name in told and name not in known:
                yield Part(name, inner, {}, by_type=False)
