"""One model type from its files to its modules: read, planned, generated, or why not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ipfs_accelerate_generator import catalogue
from ipfs_accelerate_generator.generate import generate, inputs_digest, names_used
from ipfs_accelerate_generator.module import Module, skill_path, test_path
from ipfs_accelerate_generator.plan import NoTemplate, Plan, plan
from ipfs_accelerate_generator.specfile import read_findings, read_spec
from ipfs_accelerate_generator.templates.sources import Templates
from ipfs_accelerate_generator.values import SpecError
from ipfs_accelerate_generator.workspace import SpecFiles
from ipfs_accelerate_py.errors import AccelerateError
from ipfs_accelerate_py.hardware.backend import GENERATED, Backend


@dataclass(frozen=True)
class Made:
    """What came of one model type: its modules and its entry in the catalogue, or why there are none."""

    stem: str
    model_type: str = ""
    modules: tuple[Module, ...] = ()
    templates: tuple[str, ...] = ()
    """Names of those that took part."""
    entry: catalogue.Entry | None = None
    untemplated: tuple[str, ...] = ()
    """Tasks that nobody wrote a template for."""
    lacking: str = ""
    """Which template is missing for there to be a module at all; "" if there is one."""
    error: str = ""
    """What is wrong with the files or the templates; "" if nothing is."""


@dataclass(frozen=True)
class Expected:
    """What the modules of one model type must say about their inputs, found without making them."""

    model_type: str
    inputs: dict[str, str]
    """Path of each module -> digest of its inputs."""
    entry: catalogue.Entry


def planned(files: SpecFiles, templates: Templates, *, backends: Collection[Backend] = GENERATED) -> Plan:
    """Return the plan that the files of a model type lead to, with no other backends than `backends`.

    Raises:
        SpecError: a file is missing, or says something that cannot be.
        NoTemplate: nobody wrote the templates for it yet.
    """
    if files.surveyed is None:
        raise SpecError(f"{files.stem}: has not been surveyed; run: ipfs-accelerate survey {files.stem}")
    sources = files.digest
    spec = read_spec(files.surveyed, files.override)
    if spec.stem != files.stem:
        fact = f"is about {spec.model_type!r}, whose file is called {spec.stem}.toml"
        raise SpecError(f"{files.surveyed}:1: {fact}; rename the file")
    findings = read_findings(files.findings) if files.findings is not None else ()
    return plan(spec, findings, templates, sources=sources, backends=backends)


def make(files: SpecFiles, templates: Templates, *, backends: Collection[Backend] = GENERATED) -> Made:
    """Return the modules that the files of a model type lead to, for `backends`, or what is wrong with them."""
    try:
        made = planned(files, templates, backends=backends)
        modules = generate(made, templates)
    except NoTemplate as error:
        return Made(files.stem, lacking=str(error))
    except AccelerateError as error:
        return Made(files.stem, error=str(error))
    used = tuple(dict.fromkeys(name for names in names_used(made, templates) for name in names))
    return Made(
        files.stem, made.spec.model_type, modules, used, catalogue.entry(made), untemplated=made.untemplated
    )


def expected(files: SpecFiles, templates: Templates) -> Expected:
    """Return what the modules of a model type must say about their inputs.

    Raises:
        SpecError: a file is missing, or says something that cannot be.
        NoTemplate: nobody wrote the templates for it yet.
    """
    made = planned(files, templates)
    paths = (skill_path(files.stem), test_path(files.stem))
    inputs = {
        path: inputs_digest(made, templates, names)
        for path, names in zip(paths, names_used(made, templates), strict=False)
    }
    return Expected(made.spec.model_type, inputs, catalogue.entry(made))
