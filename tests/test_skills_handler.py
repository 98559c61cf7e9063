"""A handler gives plain answers in order, from many threads at once, on every backend that is installed here."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tiny_checkpoints import MOODS, bert, vit

import ipfs_accelerate_py as ia
from ipfs_accelerate_py.errors import InputError, UnknownName
from ipfs_accelerate_py.evidence.pictures import pictures
from ipfs_accelerate_py.evidence.tiny import TEXTS
from ipfs_accelerate_py.skills.bundles import stored
from ipfs_accelerate_py.skills.checkpoint import Checkpoint

CASES = {
    "text on cpu": (bert, "cpu", TEXTS),
    "text on openvino": (bert, "openvino", TEXTS),
    "text on onnxruntime": (bert, "onnxruntime", TEXTS),
    "image on cpu": (vit, "cpu", pictures),
    "image on openvino": (vit, "openvino", pictures),
}
CLOSE = {"rel": 1e-4, "abs": 1e-5}  # float32, summed in another order in another batch


@pytest.fixture(scope="module", params=CASES)
def loaded(request):
    make, backend, inputs = CASES[request.param]
    handler = ia.load(str(make()), backend=backend)
    return handler, list(inputs() if callable(inputs) else inputs)


def _logits(answers):
    return np.asarray([answer["logits"] for answer in answers])


def test_one_input_gives_one_dictionary_and_a_list_a_list_in_order(loaded):
    handler, inputs = loaded
    alone = [handler(item) for item in inputs]
    assert all(isinstance(answer, dict) for answer in alone)
    for form in (inputs, tuple(inputs)):
        together = handler(form)
        assert isinstance(together, list)
        np.testing.assert_allclose(_logits(together), _logits(alone), rtol=1e-4, atol=1e-5)
    backwards = handler(inputs[::-1])[::-1]
    np.testing.assert_allclose(_logits(backwards), _logits(alone), rtol=1e-4, atol=1e-5)
    assert np.ptp(_logits(alone), axis=0).max() > 1e-2  # the inputs differ, or order would not show


def test_each_broken_item_of_a_list_is_named_with_what_is_wrong_with_it(loaded):
    handler, inputs = loaded
    mixed = [7, *inputs[:2], None, ""]
    with pytest.raises(InputError, match=r"^input 0: .*; input 3: .*; input 4: ") as caught:
        handler(mixed)
    assert caught.value.index == 0
    assert list(caught.value.errors) == [0, 3, 4]
    with pytest.raises(InputError) as alone:
        handler(7)
    assert caught.value.errors[0] == str(alone.value)


def test_broken_items_may_keep_their_places_and_the_others_are_answered(loaded):
    handler, inputs = loaded
    answers = handler([inputs[0], 7, inputs[1]], on_error="keep")
    np.testing.assert_allclose(
        _logits([answers[0], answers[2]]), _logits(handler(inputs[:2])), rtol=1e-4, atol=1e-5
    )
    with pytest.raises(InputError) as alone:
        handler(7)
    assert answers[1]["error"] == str(alone.value)
    assert answers[1]["backend"] == handler.place.backend
    assert set(handler([7, None], on_error="keep")[0]) >= {"error", "model"}
    with pytest.raises(UnknownName, match="on_error 'kepe'"):
        handler(inputs, on_error="kepe")


def test_more_inputs_than_a_batch_holds_come_back_in_order(loaded):
    handler, inputs = loaded
    many = (inputs * 30)[:70]
    alone = _logits([handler(item) for item in inputs])
    want = np.concatenate([alone] * 30)[:70]
    np.testing.assert_allclose(_logits(handler(many)), want, rtol=1e-4, atol=1e-5)


def test_answers_are_plain_json_with_everything_that_is_promised(loaded):
    handler, inputs = loaded
    for answer in handler(inputs):
        assert json.loads(json.dumps(answer, allow_nan=False)) == answer
        assert set(answer) >= {
            "label",
            "score",
            "labels",
            "logits",
            "model",
            "task",
            "backend",
            "device",
            "inference_time",
        }
        assert answer["label"] in MOODS.values()
        assert sum(one["score"] for one in answer["labels"]) == pytest.approx(1, abs=1e-5)
        assert (answer["backend"], answer["device"]) == (handler.place.backend, handler.place.device)
        assert answer["model"] == handler.model


def test_the_times_of_the_answers_add_up_to_no_more_than_the_call(loaded):
    handler, inputs = loaded
    started = time.perf_counter()
    answers = handler(inputs)
    assert 0 < sum(answer["inference_time"] for answer in answers) <= time.perf_counter() - started


def test_eight_threads_get_the_answers_that_one_gets(loaded):
    handler, inputs = loaded
    alone = _logits([handler(item) for item in inputs])

    def ask(place):
        if place % 3 == 0:
            return _logits(handler(inputs))[place % len(inputs)]
        return np.asarray(handler(inputs[place % len(inputs)])["logits"])

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(ask, range(64)))
    for place, logits in enumerate(found):
        np.testing.assert_allclose(logits, alone[place % len(inputs)], rtol=1e-4, atol=1e-5)


def test_eight_threads_with_several_batches_each_get_them_all(loaded):
    handler, inputs = loaded
    many = (inputs * 30)[:70]
    want = _logits(handler(many))
    with ThreadPoolExecutor(8) as threads:
        for answers in threads.map(lambda _: handler(many), range(8)):
            np.testing.assert_allclose(_logits(answers), want, rtol=1e-4, atol=1e-5)


def test_a_wrong_input_is_named_and_the_handler_goes_on(loaded):
    handler, inputs = loaded
    with pytest.raises(InputError, match=r"^input 2: "):
        handler([*inputs[:2], 7, *inputs[2:]])
    with pytest.raises(InputError, match=r"^is (a int|neither)"):
        handler(7)
    with pytest.raises(InputError, match="the list of inputs is empty"):
        handler([])
    assert len(handler(inputs)) == len(inputs)


def test_backends_agree_on_what_the_cpu_says(loaded):
    handler, inputs = loaded
    reference = ia.load(handler.model, backend="cpu")
    got, want = _logits(handler(inputs)), _logits(reference(inputs))
    assert np.abs(got - want).max() <= 1e-3 * np.abs(want).max()


def test_ready_pixels_and_pictures_get_the_same_answer():
    from ipfs_accelerate_py.skills.image import ImageInput

    handler = ia.load(str(vit()), backend="cpu")
    image = ImageInput(Checkpoint(str(vit())), "image_size")
    for picture in pictures():
        want = handler(picture)["logits"]
        assert handler({"pixel_values": image.pixels(picture)})["logits"] == pytest.approx(want, **CLOSE)
        assert handler({"pixel_values": image.pixels(picture)[np.newaxis].tolist()})[
            "logits"
        ] == pytest.approx(want, **CLOSE)


@pytest.mark.parametrize("loaded", [name for name in CASES if "cpu" not in name], indirect=True)
def test_a_bundles_folder_loads_by_itself_and_answers_alike(loaded):
    handler, inputs = loaded
    (made,) = [
        made
        for made in stored()
        if (made.manifest["backend"], made.manifest["task"]) == (handler.place.backend, handler.task)
        and made.manifest["weights"] == Checkpoint(handler.model).digest()
    ]
    again = ia.load(str(made.folder))
    assert (again.place.backend, again.task) == (handler.place.backend, handler.task)
    np.testing.assert_array_equal(_logits(again(inputs)), _logits(handler(inputs)))
    assert ia.describe(str(made.folder)).parameters is None
