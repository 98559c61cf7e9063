"""What a class makes of the configuration that its own type has by default: whether small numbers are to blame."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_generator.survey import repairs
from ipfs_accelerate_generator.survey.building import weightless
from ipfs_accelerate_generator.survey.shrink import ALTERNATIVES
from ipfs_accelerate_generator.survey.subject import Candidate, Subject, SurveyError


def refusal(about: Subject, heads: tuple[Candidate, ...]) -> str:
    """Return why no class of the type can be made of its default configuration; "" where one can, or lacks a library.

    What a message asks for is done first, as for a small model: then no number of ours is to blame for the last one.
    """
    for candidate in heads:
        if not (message := _refusal(about, candidate)) or message.startswith("needs "):
            return ""
    return f"{candidate.model.__name__} refuses the default configuration of its own type, too: {message}"


def _refusal(about: Subject, candidate: Candidate) -> str:
    arguments: dict[str, Any] = {}
    for _ in range(repairs.MOST):
        try:
            weightless(candidate, about.config, arguments)
        except SurveyError as error:
            message = str(error)
        else:
            return ""
        mended = repairs.repaired(about.config, arguments, ALTERNATIVES[0], message)
        if not mended:
            break
        arguments = mended
    return message
