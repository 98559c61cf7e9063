"""Token vectors become one vector per text as the checkpoint says, in the form of any release of its writers."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_checkpoints import minilm, weightless

import ipfs_accelerate_py as ia
from ipfs_accelerate_py.errors import CheckpointError
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.eager import Pooling, pool, pooling

MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
OLD = "sentence_transformers.models."
NEW = {
    "Transformer": "sentence_transformers.base.modules.transformer.Transformer",
    "Pooling": "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
    "Normalize": "sentence_transformers.base.modules.normalize.Normalize",
}
PLACES = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
SHORT, LONG = (
    "Rain.",
    "Two dogs ran over the green hill, and a third one slept in the sun until the evening came.",
)


def _chain(folder, kinds, settings_, names=lambda kind: OLD + kind):
    weightless(folder)
    modules = [{"idx": i, "name": str(i), "path": PLACES[k], "type": names(k)} for i, k in enumerate(kinds)]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(settings_))
    return Checkpoint(str(folder))


def test_without_modules_the_mean_is_taken(tmp_path):
    assert pooling(Checkpoint(str(weightless(tmp_path)))) == Pooling(("mean",), normalize=False)


@pytest.mark.parametrize("names", [lambda kind: OLD + kind, NEW.get], ids=["old", "new"])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(
    ("written", "modes"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, ("cls",)),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}, ("max", "mean")),
        ({"pooling_mode_lasttoken": True}, ("lasttoken",)),
        ({"pooling_mode_mean_tokens": False}, ("mean",)),
        ({}, ("mean",)),
        ({"pooling_mode": "cls"}, ("cls",)),
        ({"pooling_mode": "mean", "include_prompt": True, "embedding_dimension": 8}, ("mean",)),
        ({"pooling_mode": ["weightedmean", "cls"]}, ("weightedmean", "cls")),
    ],
)
def test_every_written_form_is_understood(written, modes, normalize, names, tmp_path):
    kinds = ["Transformer", "Pooling", "Normalize"][: 3 if normalize else 2]
    assert pooling(_chain(tmp_path, kinds, written, names)) == Pooling(modes, normalize)


@pytest.mark.parametrize(
    "written",
    [
        {"pooling_mode": "median"},
        {"pooling_mode": ["mean", 7]},
        {"pooling_mode": 7},
        {"pooling_mode_other": True},
    ],
)
def test_a_pooling_that_is_not_known_is_refused(written, tmp_path):
    with pytest.raises(
        CheckpointError, match=r"1_Pooling/config\.json: pooling .* is not known; known are cls, max"
    ):
        pooling(_chain(tmp_path, ["Transformer", "Pooling"], written))


@pytest.mark.parametrize("kinds", [["Transformer"], ["Pooling", "Transformer"], ["Transformer", "Normalize"]])
def test_another_chain_of_modules_is_refused(kinds, tmp_path):
    with pytest.raises(CheckpointError, match=r"modules\.json: has .*; known is Transformer"):
        pooling(_chain(tmp_path, kinds, {}))


def test_a_dense_layer_that_would_be_left_out_is_refused(tmp_path):
    checkpoint = _chain(tmp_path, ["Transformer", "Pooling"], {})
    modules = json.loads((tmp_path / "modules.json").read_text())
    modules.append({"idx": 2, "name": "2", "path": "2_Dense", "type": OLD + "Dense"})
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(CheckpointError, match="Dense in '2_Dense'"):
        pooling(checkpoint)


@pytest.mark.parametrize("written", ["{}", "[7]", '"text"', '[["Transformer"]]'])
def test_modules_that_are_no_list_of_objects_are_refused(written, tmp_path):
    weightless(tmp_path)
    (tmp_path / "modules.json").write_text(written)
    checkpoint = Checkpoint(str(tmp_path))
    if written == "{}":
        assert pooling(checkpoint) == Pooling()
        return
    with pytest.raises(CheckpointError, match=r"modules\.json: is not a list of modules"):
        pooling(checkpoint)


@settings(max_examples=60, deadline=None)
@given(
    mode=st.sampled_from(MODES),
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    normalize=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_pooling_is_that_of_sentence_transformers_and_does_not_see_masked_tokens(
    mode, lengths, normalize, seed
):
    random = np.random.default_rng(seed)
    hidden = torch.from_numpy(random.normal(size=(len(lengths), max(lengths) + 2, 3)).astype(np.float32))
    mask = torch.tensor([[1] * n + [0] * (hidden.shape[1] - n) for n in lengths])
    got = pool(hidden, mask, Pooling((mode,), normalize))
    vectors = [_by_hand(mode, row[:n].numpy()) for row, n in zip(hidden, lengths, strict=True)]
    want = [vector / max(np.linalg.norm(vector), 1e-12) if normalize else vector for vector in vectors]
    np.testing.assert_allclose(got, np.stack(want), rtol=1e-5, atol=1e-6)


def _by_hand(mode, tokens):
    """The definitions of sentence-transformers' documentation, for one text without padding."""
    ranks = np.arange(1, len(tokens) + 1)[:, np.newaxis]
    return {
        "cls": lambda: tokens[0],
        "max": lambda: tokens.max(0),
        "mean": lambda: tokens.mean(0),
        "mean_sqrt_len_tokens": lambda: tokens.sum(0) / np.sqrt(len(tokens)),
        "weightedmean": lambda: (tokens * ranks).sum(0) / ranks.sum(),
        "lasttoken": lambda: tokens[-1],
    }[mode]()


def test_several_modes_are_concatenated_in_their_order():
    hidden, mask = torch.arange(12.0).reshape(1, 4, 3), torch.tensor([[1, 1, 1, 0]])
    got = pool(hidden, mask, Pooling(("lasttoken", "cls")))
    assert got.tolist() == [[6.0, 7.0, 8.0, 0.0, 1.0, 2.0]]


@pytest.fixture(scope="module")
def handler():
    return ia.load(str(minilm()), backend="cpu")


def test_the_real_minilm_gives_unit_vectors_and_is_known_for_sentence_embeddings(handler):
    assert handler.task == "feature-extraction"
    vectors = np.asarray([answer["embedding"] for answer in handler([SHORT, LONG])])
    assert vectors.shape == (2, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_a_text_has_the_same_vector_alone_and_padded_in_a_batch(handler):
    together = [np.asarray(answer["embedding"]) for answer in handler([SHORT, LONG])]
    for text, vector in zip((SHORT, LONG), together, strict=True):
        alone = np.asarray(handler(text)["embedding"])
        # Of a vector of length 1: float32 sums of another order made 1.2e-7; the mask's loss would make 0.5.
        assert np.abs(vector - alone).max() <= 1e-6


def test_the_vectors_are_those_of_sentence_transformers_own_arithmetic(handler):
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(minilm()), AutoModel.from_pretrained(minilm())
    for text in (SHORT, LONG):
        with torch.inference_mode():
            hidden = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].numpy()
        want = hidden.mean(0) / np.linalg.norm(hidden.mean(0))
        np.testing.assert_allclose(handler(text)["embedding"], want, atol=1e-6)
