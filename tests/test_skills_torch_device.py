"""Properties of the way to a PyTorch device and back; what needs no such device to be seen."""

from __future__ import annotations

from threading import Event, Thread

import numpy as np
import pytest
import torch

from ipfs_accelerate_py.skills.torch_device import TorchDevice

BATCH = {"ids": np.array([[1, 2]]), "pixels": np.array([[0.5, 1.0]], dtype=np.float32)}


def test_what_goes_there_comes_back():
    there = TorchDevice("cpu", torch.float32)
    back = there.arrays(there.tensors(BATCH))
    assert all(
        (back[name] == array).all() and back[name].dtype == np.float32 for name, array in BATCH.items()
    )


def test_floating_point_alone_takes_the_kind_of_the_device():
    tensors = TorchDevice("cpu", torch.bfloat16).tensors(BATCH)
    assert (tensors["pixels"].dtype, tensors["ids"].dtype) == (torch.bfloat16, torch.int64)


@pytest.fixture(params=[True, False])
def tf32(request):
    """Give what the user has set for convolutions on NVIDIA GPUs, which needs none to be set."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = request.param
    yield request.param
    torch.backends.cudnn.allow_tf32 = before


class Call(Thread):
    """A call that computes on a GPU from when it is made until it is told to end."""

    def __init__(self):
        super().__init__()
        self._begun, self._over = Event(), Event()
        self.start()
        assert self._begun.wait(60)

    def run(self):
        with TorchDevice("cuda", torch.float32).computing():
            self._begun.set()
            self._over.wait(60)

    def end(self):
        self._over.set()
        self.join()


@pytest.mark.parametrize("first_out", [0, 1])
def test_a_gpu_convolves_in_full_float32_while_any_call_computes_and_never_after(tf32, first_out):
    calls = [Call(), Call()]
    assert torch.backends.cudnn.conv.fp32_precision == "ieee"
    calls.pop(first_out).end()
    assert torch.backends.cudnn.conv.fp32_precision == "ieee"
    calls.pop().end()
    assert torch.backends.cudnn.allow_tf32 == tf32


def test_the_setting_is_given_back_after_an_error(tf32):
    with pytest.raises(ZeroDivisionError), TorchDevice("cuda", torch.float32).computing():
        raise ZeroDivisionError
    assert torch.backends.cudnn.allow_tf32 == tf32


def test_operators_that_a_user_set_apart_are_set_so_again():
    cudnn = torch.backends.cudnn
    before = cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision
    cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision = "tf32", "ieee"
    try:
        with TorchDevice("cuda", torch.float32).computing():
            assert cudnn.conv.fp32_precision == "ieee"
        assert (cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision) == ("tf32", "ieee")
    finally:
        cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision = before
