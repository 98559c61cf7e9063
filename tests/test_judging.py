"""Texts judged by a decoder: as the class judges each alone, whatever stands beside it in a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ipfs_accelerate_generator.specfile import read_spec
from ipfs_accelerate_py.skills.judging import judged_again

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SPECS = Path(__file__).parents[1] / "model_specs" / "surveyed"
PAD, BEGIN, END, LANGUAGE, OTHER = 0, 1, 2, 30, 31
TEXTS = ([5, 6, 7, 8, 9, END, LANGUAGE], [11, 12, END, 13, END, OTHER], [21, END, LANGUAGE])
WIDTHS: dict[str, Any] = {"vocab_size": 32, "pad_token_id": PAD, "bos_token_id": BEGIN, "eos_token_id": END}


def _turned() -> Any:
    config = transformers.MBartConfig(
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_position_embeddings=16,
        init_std=0.5,
        num_labels=3,
        **WIDTHS,
    )
    return transformers.MBartForSequenceClassification(config)


def _parts() -> Any:
    part = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 16,
        "initializer_range": 0.5,
        **WIDTHS,
    }
    config = transformers.T5GemmaConfig(encoder=part, decoder=part, num_labels=3, vocab_size=32)
    return transformers.T5GemmaForSequenceClassification(config)


@pytest.mark.parametrize(("make", "turned"), [(_turned, True), (_parts, False)])
def test_each_text_of_a_padded_batch_is_judged_as_the_class_judges_it_alone(make: Any, turned: bool) -> None:
    torch.manual_seed(0)
    model = make().eval()
    longest = max(map(len, TEXTS))
    ids = torch.tensor([[*text, *[PAD] * (longest - len(text))] for text in TEXTS])
    mask = torch.tensor([[1] * len(text) + [0] * (longest - len(text)) for text in TEXTS])
    alone = [torch.tensor([text]) for text in TEXTS]
    with torch.inference_mode():
        found = judged_again(model, ids, mask, turned=turned)
        wanted = torch.cat([model(input_ids=each).logits for each in alone])
    assert (wanted[0] - wanted[1]).abs().max() > 0.1
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("model_type", "judge"),
    [("mbart", "judged_again"), ("t5gemma", "judged_again"), ("bart", "judged"), ("bert", "")],
)
def test_what_a_type_s_files_say_chooses_the_judge(model_type: str, judge: str) -> None:
    spec = read_spec(SPECS / f"{model_type}.toml", None)
    assert spec.judge == judge
    assert not spec.reads_letters
    assert not spec.names_unknown_alone
