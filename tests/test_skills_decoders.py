"""What differs between decoders and encoders of texts: the token that is judged, and where positions begin."""

import pytest
import torch
from tiny_checkpoints import bert, changed

from ipfs_accelerate_py.evidence.tiny import MASK, TEXTS, special_ids, trained
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.eager import filled, filler
from ipfs_accelerate_py.skills.text import TextInput


@pytest.mark.parametrize(("pad", "limit"), [(0, 63), (1, 62), (None, 63)])
def test_positions_that_begin_after_the_padding_token_leave_fewer_tokens(pad, limit, tmp_path):
    folder = changed(bert("BertLMHeadModel"), tmp_path / "pad", config={"pad_token_id": pad})
    names = ("input_ids", "attention_mask")
    checkpoint = Checkpoint(str(folder))
    field = "max_position_embeddings"
    assert TextInput(checkpoint, names, field, after_field="pad_token_id").limit == limit
    assert TextInput(checkpoint, names, field).limit == 64


@pytest.mark.parametrize("pad", [None, 5])
def test_a_text_in_a_batch_is_judged_by_the_token_by_which_it_is_judged_alone(pad):
    from transformers import GPT2Config, GPT2ForSequenceClassification

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=30,
        n_positions=16,
        n_embd=16,
        n_layer=1,
        n_head=2,
        bos_token_id=3,
        eos_token_id=4,
        pad_token_id=pad,
    )
    model = GPT2ForSequenceClassification(config).eval()
    ids = torch.tensor([[7, 8, 9, 10], [11, 12, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    with torch.inference_mode():
        alone = [model(ids[0:1]).logits, model(ids[1:2, :2]).logits]
        together = model(filled(ids, mask, filler(model)), attention_mask=mask).logits
    torch.testing.assert_close(together, torch.cat(alone))


@pytest.mark.parametrize("name", ["GPT2Tokenizer", "RobertaTokenizer", "TokenizersBackend", "BertTokenizer"])
def test_a_tokenizer_made_for_a_test_is_the_same_each_time_and_knows_the_words(name):
    import transformers

    first, second = (trained(getattr(transformers, name)) for _ in range(2))
    assert first.get_vocab() == second.get_vocab()
    assert special_ids(first) == special_ids(second)
    assert max(len(first(text)["input_ids"]) for text in TEXTS) < 40
    assert first.mask_token in (None, MASK)
