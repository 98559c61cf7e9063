"""Two encoders of one sound make as many frames of it, in a graph and for each length."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ipfs_accelerate_py.skills import paired_frames
from ipfs_accelerate_py.skills.paired_frames import by_missing
from ipfs_accelerate_py.skills.routes import Traced, converted, write_onnx

HOP = 6
SIZES = {
    "acoustic_model_config": {
        "model_type": "dac",
        "encoder_hidden_size": 4,
        "downsampling_ratios": [8, 5, 4, 2, 3],
        "upsampling_ratios": [8, 5, 4, 2, 3],
        "decoder_hidden_size": 32,
        "hidden_size": 8,
    },
    "semantic_model_config": {
        "model_type": "hubert",
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "feat_extract_norm": "layer",
        "conv_dim": [8, 8, 8, 8],
        "conv_kernel": [10, 4, 4, 4],
        "conv_stride": [5, 4, 4, 4],
    },
    "target_bandwidths": [0.25, 0.5],
}


class _Paired(torch.nn.Module):  # type: ignore[misc]  # torch is an unchecked library
    """A codec whose words have a frame for each hop that was begun, and whose sounds one for each whole hop."""

    def __init__(self) -> None:
        super().__init__()
        self.pad = HOP // 2
        self.acoustic_encoder = torch.nn.Conv1d(1, 2, HOP, HOP)
        self.quantizer = SimpleNamespace(encode=lambda joined, _: joined[None])
        self.config = SimpleNamespace(target_bandwidths=[1])
        self.encoder_semantic = self.fc = torch.nn.Identity()

    def _extract_semantic_features(self, sound: Any) -> Any:
        filled = torch.nn.functional.pad(sound, (0, HOP - 1))
        return torch.nn.functional.avg_pool1d(filled, HOP, HOP).transpose(1, 2)

    def _get_conv1d_layers(self, module: Any) -> tuple[Any, ...]:
        return (module,)

    def forward(self, sound: Any) -> tuple[Any]:
        return (paired_frames._encoded(self, sound).audio_codes,)


@given(
    samples=st.integers(120, 150),
    kernel=st.integers(1, 6),
    stride=st.integers(1, 5),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 4),
)
def test_frames_are_counted_as_convolutions_make_them(
    samples: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    layers = [torch.nn.Conv1d(1, 1, kernel, stride, padding, dilation) for _ in range(2)]
    made = torch.nn.Sequential(*layers)(torch.zeros(1, 1, samples))
    assert paired_frames._length(layers, samples) == made.shape[-1]


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_graph_has_both_encoders_agree_for_any_length(backend: str, tmp_path: Path) -> None:
    """The one that is traced ends with a whole hop, and three of the others do not."""
    others = (HOP * 5 + 1, HOP * 4 + 3, HOP * 9, HOP * 9 - 1)
    traced = Traced(
        graph=_Paired().eval(),
        inputs=("sound",),
        outputs=("codes",),
        tensors=(torch.randn(2, 1, HOP * 7),),
        open_axes=((0, 2),),
        others=tuple((torch.randn(1, 1, samples),) for samples in others),
        config=None,
    )
    if backend == "onnxruntime":
        assert write_onnx(traced, tmp_path / "model.onnx", "torchscript") == "torchscript"
    else:
        assert converted(traced, "convert_model")[1] == "convert_model"


@pytest.mark.parametrize("samples", [9600, 9601, 9612, 8000, 12_480])
def test_codes_are_those_of_transformers(samples: int) -> None:
    pytest.importorskip("torchaudio", exc_type=ImportError)
    from transformers import HiggsAudioV2TokenizerConfig, HiggsAudioV2TokenizerModel

    model = HiggsAudioV2TokenizerModel(HiggsAudioV2TokenizerConfig(**SIZES)).eval()
    for name, buffer in model.named_buffers():
        if name.endswith("codebook.embed"):
            buffer.normal_()  # which only training fills
    sound = torch.randn(2, 1, samples)
    with torch.no_grad():
        want = model.encode(sound)
        with by_missing():
            got, bare = model.encode(sound), model.encode(sound, return_dict=False)
    assert torch.equal(got.audio_codes, want.audio_codes)
    assert torch.equal(bare, want.audio_codes)
    assert want.audio_codes.unique().numel() > 4  # always the same would prove little
