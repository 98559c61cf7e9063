"""A text judged by the decoder that reads it once more, in classes that begin or end it in a way of their own."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_py.skills.arrays import Module


def judged_again(model: Module, ids: Any, mask: Any, *, turned: bool) -> Any:
    """Return the logits of a text's labels, (texts, labels), by what the decoder makes of a place in it.

    A `turned` text begins, for the decoder, with its last token, which is its language; it is judged by its end.
    Others begin with the token that the decoder's own configuration says, and are judged by their last place. A class
    itself goes one place further where padding follows; here a text is judged as it is alone.
    """
    import torch

    last = _last(mask)
    if turned:
        begin = ids.gather(1, last[:, None])
        order = torch.arange(1, ids.shape[1] + 1, device=ids.device)
        place = ((ids == model.config.eos_token_id) * order).argmax(dim=1)  # the last of a pair of texts
    else:
        begin, place = torch.full_like(ids[:, :1], model.config.decoder.bos_token_id), last
    hidden = model.base_model(
        input_ids=ids,
        attention_mask=mask,
        decoder_input_ids=torch.cat([begin, ids[:, :-1]], dim=1),
        use_cache=False,
    ).last_hidden_state
    chosen = hidden.gather(1, place[:, None, None].expand(-1, 1, hidden.shape[-1]))[:, 0]
    return model.classification_head(chosen) if turned else model.score(chosen)


def _last(mask: Any) -> Any:
    """Return the place of each text's last token; padding stands on the right."""
    return mask.sum(1) - 1
