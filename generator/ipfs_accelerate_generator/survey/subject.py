"""What transformers holds about one model type: its config class, model classes and processor classes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from ipfs_accelerate_generator.spec import GENERATE, PLAIN
from ipfs_accelerate_generator.survey.shape import BATCH
from ipfs_accelerate_generator.survey.tables import ENCODER_TABLE, MODEL_TABLE, TASKS, TEXT_ONLY, VIDEO_TABLE
from ipfs_accelerate_py.errors import AccelerateError, unknown


class SurveyError(AccelerateError, RuntimeError):
    """A model type that cannot be surveyed, and why."""


class NoModelClass(SurveyError):
    """A model type that has a configuration and nothing else."""


class NoInput(SurveyError):
    """A head that wants an input which nothing here can make."""


@dataclass(frozen=True)
class Candidate:
    """A model class that might serve `task`, and the table that says so ("" where none does)."""

    task: str
    table: str
    model: Any
    method: str = ""
    """The method that the task calls; "" says: forward."""
    attention: str = PLAIN
    """The implementation of attention that it is run with."""
    batch: int = BATCH
    """How many samples it is given: a class that takes one alone has no rows, and that one is a whole call."""

    @property
    def call(self) -> Any:
        """What the task calls, unbound: its signature says which inputs it takes."""
        return getattr(self.model, self.method or "forward")


@dataclass(frozen=True)
class Subject:
    """One model type with its config class."""

    model_type: str
    config: Any
    imports: tuple[str, ...]

    @property
    def registered(self) -> bool:
        """Whether the type came from outside transformers, through `AutoConfig.register`."""
        return not str(self.config.__module__).startswith("transformers.")


def model_types() -> tuple[str, ...]:
    """Return every model type that transformers and the imported modules have a config class for."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    return tuple(CONFIG_MAPPING.keys())


def import_all(modules: Iterable[str]) -> None:
    """Import `modules`, which register model types of their own.

    Raises:
        SurveyError: one of them cannot be imported.
    """
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise SurveyError(
                f"--import {name}: {error}; put its folder on PYTHONPATH or install it"
            ) from error


def subject(model_type: str, imports: tuple[str, ...] = ()) -> Subject:
    """Return what transformers holds under `model_type`, once `imports` are imported.

    Raises:
        UnknownName: there is no such model type; the message offers the nearest names.
        SurveyError: a module cannot be imported.
    """
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    for name in imports:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise SurveyError(
                f"--import {name}: {error}; put its folder on PYTHONPATH or install it"
            ) from error
    known = model_types()
    if model_type not in known:
        raise unknown("model type", model_type, known)
    try:
        return Subject(model_type, CONFIG_MAPPING[model_type], imports)
    except ImportError as error:
        raise SurveyError(f"{model_type}: its config class cannot be imported: {error}") from error


def candidates(about: Subject) -> tuple[Candidate, ...]:
    """Return the model classes of the type by task, the bare model first, one class a task.

    Raises:
        SurveyError: transformers has no model class for the type.
    """
    found: dict[str, Candidate] = {}
    listed = [
        (table, model) for table in (MODEL_TABLE, *TASKS) if (model := _in_table(about, table)) is not None
    ]
    # A text's vector is what an encoder made of it, wherever there is a decoder that would want a text of its own.
    if listed and _takes(listed[0][1], "decoder_input_ids") and (encoder := _in_table(about, ENCODER_TABLE)):
        listed[0] = (ENCODER_TABLE, encoder)
    for table, model in listed:
        for task, method in _tasks(about, table, model).items():
            found.setdefault(task, Candidate(task, table, model, method))
    if not found:  # a class that no table knows
        for table, model in listed or [("", model) for model in _scanned(about)]:
            method = _instead(model)
            task = _bare_task(about, model, method)
            found.setdefault(task, Candidate(task, table, model, method))
    if not found:
        raise NoModelClass(f"{about.model_type}: transformers has no model class for it")
    return tuple(
        sorted(found.values(), key=lambda each: bool(each.method))
    )  # what both towers do, before each


def tabled(model_type: str) -> tuple[str, ...]:
    """Return the tasks that transformers' tables name a class for, without importing any; none of an unknown type.

    A bare model is put down as feature-extraction: what it takes, its class alone would tell.
    """
    from transformers.models.auto import modeling_auto

    if model_type not in model_types():
        return ()
    found = {
        task: None
        for table, tasks in TASKS.items()
        if model_type in getattr(modeling_auto, table, {})
        for task in tasks
    }
    return tuple(found) or ("feature-extraction",)


def _takes(model: Any, name: str) -> bool:
    return name in inspect.signature(model.forward).parameters


# What two towers do: a task by itself, with the method that it calls, or, for "", the comparison.
_TOWERS: Final = {
    "get_text_features": {"feature-extraction": "get_text_features"},
    "get_image_features": {"image-feature-extraction": "get_image_features"},
    "get_video_features": {"zero-shot-video-classification": ""},
    "get_audio_features": {
        "zero-shot-audio-classification": "",
        "audio-feature-extraction": "get_audio_features",
    },
}


def _tasks(about: Subject, table: str, model: Any) -> dict[str, str]:
    """Return the tasks that `table` gives `model`, and the method of it that each calls; "" for its forward."""
    if generates_alone(model):  # the bare model, too: what it does is one of the other tables' tasks
        return dict.fromkeys(TASKS.get(table, ()), GENERATE)
    takes = list(inspect.signature(model.forward).parameters)
    if table not in (MODEL_TABLE, ENCODER_TABLE):
        text_only = "input_ids" in takes and getattr(model, "main_input_name", "input_ids") == "input_ids"
        return {task: "" for task in TASKS[table] if task not in TEXT_ONLY or text_only}
    if hasattr(model, "get_text_features"):  # a table names what two towers of texts and images do together
        return {
            task: call
            for has, tasks in _TOWERS.items()
            if hasattr(model, has)
            for task, call in tasks.items()
        }
    method = _instead(model)
    return {_bare_task(about, model, method): method}


def generates_alone(model: Any) -> bool:
    """Whether a class has no forward, and generates."""
    from torch import nn

    return model.forward is nn.Module.forward and hasattr(model, GENERATE) and not hasattr(model, "encode")


def _instead(model: Any) -> str:
    """Return the method that does what the forward of others does, of a class that has none; else ""."""
    from torch import nn

    return "encode" if model.forward is nn.Module.forward and hasattr(model, "encode") else ""


def _bare_task(about: Subject, model: Any, method: str) -> str:
    takes = list(inspect.signature(getattr(model, method or "forward")).parameters)
    if "input_ids" in takes:
        return "feature-extraction"
    if "pixel_values_videos" in takes or ("pixel_values" in takes and _in_table(about, VIDEO_TABLE)):
        return "video-feature-extraction"
    return "image-feature-extraction" if "pixel_values" in takes else "feature-extraction"


def _in_table(about: Subject, table: str) -> Any | None:
    """Return the class that `table` names for the type, or None."""
    import transformers
    from transformers.models.auto import modeling_auto

    if about.registered:  # a registered class stands in the mapping object, under its config class
        mapping = getattr(modeling_auto, table.removesuffix("_NAMES"), None)
        found = None if mapping is None else mapping.get(about.config, None)
        return found[0] if isinstance(found, tuple) else found
    name = getattr(modeling_auto, table, {}).get(about.model_type)
    if isinstance(name, (tuple, list)):  # alternatives, the usual one first
        name = name[0]
    if name is None:
        return None
    return getattr(transformers, name, None) or _named(about, name)


def _named(about: Subject, name: str) -> Any | None:
    for module in _modeling_modules(about):
        if hasattr(module, name):
            return getattr(module, name)
    return None


def _scanned(about: Subject) -> Iterator[Any]:
    """Yield the classes whose `config_class` is the type's, as few tables know them; bare models first."""
    from transformers import PreTrainedModel

    found = [
        each
        for module in _modeling_modules(about)
        for each in vars(module).values()
        if inspect.isclass(each)
        and issubclass(each, PreTrainedModel)
        and each.__module__ == module.__name__
        and getattr(each, "config_class", None) is about.config
        and not each.__name__.endswith("PreTrainedModel")
    ]
    yield from sorted(found, key=lambda each: (not each.__name__.endswith("Model"), len(each.__name__)))


def _modeling_modules(about: Subject) -> Iterator[ModuleType]:
    package = importlib.import_module(about.config.__module__.rpartition(".")[0] or about.config.__module__)
    for entry in pkgutil.iter_modules(getattr(package, "__path__", [])):
        if entry.name.startswith("modeling_"):
            yield importlib.import_module(f"{package.__name__}.{entry.name}")


def home(cls: Any) -> str:
    """Return the module to import `cls` from: transformers itself where it offers the class, else its own."""
    import transformers

    if getattr(transformers, cls.__name__, None) is cls:
        return "transformers"
    return str(cls.__module__)
