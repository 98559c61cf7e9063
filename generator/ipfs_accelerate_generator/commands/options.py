"""The options that several commands share, worded once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ModelTypes = Annotated[
    list[str] | None, typer.Argument(metavar="MODEL_TYPE", help="Model types, such as bert vit.")
]
Everything = Annotated[bool, typer.Option("--all", help="Every model type that was surveyed.")]
Root = Annotated[
    Path | None, typer.Option("--root", metavar="FOLDER", help="The workspace; else the current folder.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def named(model_types: list[str] | None, *, everything: bool) -> list[str]:
    """Return the model types that were named, after checking that some were, or all were asked for.

    Raises:
        BadParameter: neither, or both.
    """
    if bool(model_types) == everything:
        raise typer.BadParameter("name model types, such as bert vit, or give --all")
    return model_types or []
