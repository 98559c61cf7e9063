"""Properties of the form in which a model for OpenVINO is written."""

from __future__ import annotations

import numpy as np
import openvino
import pytest
import torch

from ipfs_accelerate_py.skills import openvino_program

QUERIES = torch.from_numpy(np.random.default_rng(3).normal(size=(2, 2, 5, 8)).astype(np.float32))
SEEN = torch.ones(5, 5, dtype=torch.bool).tril()[None, None]


class Attending(torch.nn.Module):
    """Two attentions under one mask, as the layers of a decoder are."""

    def forward(self, queries, seen):
        attend = torch.nn.functional.scaled_dot_product_attention
        once = attend(queries, queries, queries, attn_mask=seen)
        return attend(once, queries, once, attn_mask=seen)


# The converter traces, in a way that torch calls deprecated; nothing else does what it needs.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return the path of the module, converted and written."""
    path = tmp_path_factory.mktemp("written") / "model.xml"
    example = (QUERIES, SEEN)
    shapes = [openvino.PartialShape([-1, 2, -1, 8]), openvino.PartialShape([1, 1, -1, -1])]
    openvino_program.save(openvino.convert_model(Attending(), example_input=example, input=shapes), path)
    return path


def test_no_attention_has_a_mask_of_booleans(written):
    masks = [
        operation.input_value(3)
        for operation in openvino.Core().read_model(written).get_ops()
        if operation.get_type_name() == "ScaledDotProductAttention"
    ]
    assert [mask.get_element_type() for mask in masks] == [openvino.Type.f32] * 2
    assert masks[0].get_node().get_friendly_name() == masks[1].get_node().get_friendly_name()


def test_the_numbers_are_those_of_torch_and_depend_on_the_mask(written):
    request = openvino.Core().compile_model(written, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for seen in (SEEN, torch.ones_like(SEEN)):  # 1e-5 is ten times the rounding of float32
        want = Attending()(QUERIES, seen).numpy()
        assert np.abs(request([QUERIES.numpy(), seen.numpy()])[0] - want).max() < 1e-5
    assert np.abs(want - Attending()(QUERIES, SEEN).numpy()).max() > 1e-2


def test_a_row_that_may_see_nothing_is_a_number(written):
    request = openvino.Core().compile_model(written, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    seen = SEEN.clone()
    seen[..., 0, :] = False  # what fills up a prompt on the left
    assert np.isfinite(request([QUERIES.numpy(), seen.numpy()])[0]).all()
