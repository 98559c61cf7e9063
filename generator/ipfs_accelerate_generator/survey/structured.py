"""Inputs that are no tensors but made of some: a film that is followed, a record of several arrays.

What such an input holds is given by names of its own, `molecule__places` for the field `places` of `molecule`, and put
together where the class is called: of what, the annotation in the signature says.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any

from ipfs_accelerate_generator.structures import SESSION, parted
from ipfs_accelerate_generator.survey.subject import SurveyError


def flat(name: str, made: Any) -> Iterator[tuple[str, Any]]:
    """Yield the tensors that the input `name` is made of, by name."""
    if isinstance(made, Mapping):
        yield from ((f"{name}__{field}", tensor) for field, tensor in made.items())
    else:
        yield name, made


def called(model: Any, inputs: Mapping[str, Any], method: str = "") -> Any:
    """Return what `model`, or a method of it, gives for `inputs`, with those put together that are made of several.

    Raises:
        SurveyError: nothing here puts together what the class takes.
    """
    call = getattr(model, method) if method else model
    plain, structures = parted(inputs)
    if not structures:
        return call(**plain)
    kinds = {
        name: parameter.annotation
        for name, parameter in inspect.signature(getattr(model, method or "forward")).parameters.items()
    }
    if SESSION in structures and callable(getattr(kinds[SESSION], "add_point_inputs", None)):
        return followed(call, kinds[SESSION], **structures[SESSION])
    for name, fields in structures.items():
        if not is_dataclass(kinds[name]) or not isinstance(kinds[name], type):
            raise SurveyError(f"nothing here puts {name} together of {', '.join(fields)}: {kinds[name]}")
        plain[name] = kinds[name](**fields)
    return call(**plain)


def followed(call: Any, session_of: Any, video: Any, point_coords: Any, point_labels: Any) -> dict[str, Any]:
    """Return what `call` gives for each picture of a film, in which the objects pointed at in the first are followed.

    The session keeps what was seen of them, so that each picture depends on those before it.
    """
    import torch

    session = session_of(video, *video.shape[-2:], dtype=video.dtype)
    for each, (points, labels) in enumerate(zip(point_coords, point_labels, strict=True)):
        said = {"point_coords": points[None, None], "point_labels": labels[None, None]}
        session.add_point_inputs(session.obj_id_to_idx(each), 0, said)
    session.obj_with_new_inputs = list(session.obj_ids)
    seen = [call(**{SESSION: session}, frame_idx=frame) for frame in range(len(video))]
    return {
        name: torch.stack([each[name] for each in seen])
        for name, tensor in seen[0].items()
        if torch.is_tensor(tensor)
    }
