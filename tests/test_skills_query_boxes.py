"""Boxes of queries are those that transformers' own image processors word."""

from types import SimpleNamespace

import numpy as np
import pytest

from ipfs_accelerate_py.skills.query_boxes import of_labels, of_pairs

NAMES = ("cat", "dog", "rain")


def outputs(labels):
    """Return logits and boxes of nine queries."""
    chance = np.random.default_rng(7)
    return (
        chance.normal(size=(9, labels)).astype(np.float32),
        chance.uniform(0.1, 0.9, (9, 4)).astype(np.float32),
    )


def worded(found, names):
    """Return what a processor found, as lists of scores, labels and corners in whole pixels."""
    return [
        (pytest.approx(score.item(), abs=1e-6), names[label], box.int().tolist())
        for score, label, box in zip(found["scores"], found["labels"], found["boxes"], strict=True)
    ]


@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.9])
def test_pairs_are_those_of_the_real_class(threshold):
    import torch
    from transformers import RTDetrImageProcessorPil

    logits, boxes = outputs(3)
    made = SimpleNamespace(logits=torch.from_numpy(logits)[None], pred_boxes=torch.from_numpy(boxes)[None])
    want = RTDetrImageProcessorPil().post_process_object_detection(made, threshold, [(48, 64)])[0]
    got = of_pairs(logits, boxes, NAMES, (48, 64), threshold)
    assert [(each["score"], each["label"], list(each["box"].values())) for each in got] == worded(want, NAMES)


def test_what_is_found_for_several_labels_is_in_the_order_of_the_scores():
    logits, boxes = outputs(2)
    rows = [{"logits": column[:, None], "boxes": boxes} for column in logits.T]
    found = of_labels(["a cat", "a dog"], rows, (48, 64), 0.5, None)
    scores = [each["score"] for each in found]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == (logits > 0).sum()
    assert {each["label"] for each in found} == {"a cat", "a dog"}
    assert of_labels(["a cat", "a dog"], rows, (48, 64), 0.5, 2) == found[:2]
