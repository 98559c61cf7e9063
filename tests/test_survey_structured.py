"""An input that is made of several arrays is given by their names, and put together as the class's signature says."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import pytest
import torch
from hypothesis import given, strategies
from torch import nn
from transformers import PreTrainedConfig

from ipfs_accelerate_generator.structures import parted, structures_in
from ipfs_accelerate_generator.survey.inputs import make
from ipfs_accelerate_generator.survey.rules import molecules
from ipfs_accelerate_generator.survey.running import forward
from ipfs_accelerate_generator.survey.shape import Shape
from ipfs_accelerate_generator.survey.structured import flat
from ipfs_accelerate_generator.survey.subject import SurveyError

WORD = strategies.from_regex(r"[a-z]+(_[a-z]+)*", fullmatch=True)


@dataclass
class Record:
    left: torch.Tensor
    right: torch.Tensor


class Reads(nn.Module):  # type: ignore[misc]  # its types are not read
    def forward(self, plain, pair):  # type: ignore[no-untyped-def]  # the annotation is set below
        return {"told": plain + pair.left - pair.right}


class Session:
    """As those of transformers are made and filled: a film, and points for objects at pictures of it."""

    def __init__(self, video: Any, height: int, width: int, *, dtype: Any) -> None:
        self.video, self.size, self.dtype = video, (height, width), dtype
        self.obj_ids: list[int] = []
        self.points: dict[int, Any] = {}
        self.obj_with_new_inputs: list[int] = []
        self.before = 0.0

    def obj_id_to_idx(self, each: int) -> int:
        self.obj_ids.append(each)
        return len(self.obj_ids) - 1

    def add_point_inputs(self, index: int, frame: int, said: dict[str, Any]) -> None:
        assert frame == 0
        self.points[index] = said


class Follows(nn.Module):  # type: ignore[misc]  # its types are not read
    """What it says of a picture holds what it said of the one before, as a memory does."""

    def forward(self, inference_session, frame_idx):  # type: ignore[no-untyped-def]  # set below
        session = inference_session
        assert session.obj_with_new_inputs == session.obj_ids
        session.before = session.video[frame_idx].mean() + 2 * session.before
        points = [each["point_coords"].sum() + each["point_labels"].sum() for each in session.points.values()]
        return {"masks": session.before + torch.stack(points), "frame_idx": frame_idx}


Reads.forward.__annotations__["pair"] = Record
Follows.forward.__annotations__["inference_session"] = Session


@given(strategies.dictionaries(WORD, strategies.one_of(strategies.none(), strategies.sets(WORD, min_size=1))))
def test_names_of_parts_are_taken_apart_as_they_were_put_together(said: dict[str, set[str] | None]) -> None:
    made = {
        part: tensor
        for name, names in said.items()
        for part, tensor in flat(name, name if names is None else {each: each for each in names})
    }
    plain, structures = parted(made)
    assert plain == {name: name for name, names in said.items() if names is None}
    assert {name: set(names) for name, names in structures.items()} == {
        name: names for name, names in said.items() if names is not None
    }
    assert structures_in(made) == {name: tuple(names) for name, names in structures.items()}


def test_a_record_is_made_of_its_fields() -> None:
    one, two, three = (torch.tensor([float(each)]) for each in (1, 10, 3))
    found = forward(Reads(), {"plain": one, "pair__left": two, "pair__right": three})
    assert found["told"].tolist() == [8.0]


def test_what_is_neither_a_record_nor_a_film_is_refused_with_its_name() -> None:
    model = Reads()
    with pytest.raises(SurveyError, match="nothing here puts plain together of left"):
        forward(model, {"plain__left": torch.ones(1), "pair": Record(torch.ones(1), torch.ones(1))})


def test_a_film_is_followed_from_its_first_picture_with_all_objects_that_are_pointed_at() -> None:
    film = torch.arange(3.0).reshape(3, 1, 1, 1).expand(3, 3, 4, 4)
    points, labels = torch.tensor([[[1.0, 2.0]], [[5.0, 6.0]]]), torch.tensor([[1], [0]])
    names = ("video", "point_coords", "point_labels")
    inputs = {
        f"inference_session__{name}": tensor
        for name, tensor in zip(names, (film, points, labels), strict=True)
    }
    found = forward(Follows(), inputs)
    assert found["masks"].tolist() == [[4.0, 11.0], [5.0, 12.0], [8.0, 15.0]]


def test_atoms_are_made_for_the_fields_of_the_record_that_a_class_reads() -> None:
    from transformers.models.esmfold2.modeling_esmfold2 import EsmFold2AtomInputs

    shape = Shape("feature-extraction", PreTrainedConfig(), 12)
    made = make(("res_type", "atom_inputs", "attention_mask"), shape)
    expected = [f"atom_inputs__{each.name}" for each in fields(EsmFold2AtomInputs)]
    assert list(made) == ["res_type", *expected, "attention_mask"]
    assert made["attention_mask"].dtype == torch.bool  # a class takes tokens out by it
    seen, of = made["atom_inputs__atom_attention_mask"], made["atom_inputs__atom_to_token"]
    assert torch.equal(made["attention_mask"].gather(1, of), seen), "atoms are padding where their tokens are"


@pytest.mark.parametrize("tokens", [7, 12])
def test_tokens_of_molecules_share_residues_and_chains(tokens: int) -> None:
    shape, drawn = Shape("feature-extraction", PreTrainedConfig(), tokens), torch.Generator()
    for rule in (molecules.residues, molecules.chains, molecules.copies, molecules.proteins):
        kinds = rule(shape, drawn).unique()
        assert 1 < len(kinds) < tokens
        assert kinds.tolist() == list(range(len(kinds)))
