"""What a class that writes keeps of what it has read: whether it goes on from a cache as from all that it was given."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from ipfs_accelerate_generator.survey.foreign import FOREIGN
from ipfs_accelerate_generator.survey.packed import exchanged
from ipfs_accelerate_generator.survey.running import Feed
from ipfs_accelerate_py.errors import BundleError
from ipfs_accelerate_py.evidence.comparison import TOLERANCE
from ipfs_accelerate_py.skills import kept
from ipfs_accelerate_py.skills.calls import lengthened, reads
from ipfs_accelerate_py.skills.engine_eager import empty_cache
from ipfs_accelerate_py.skills.keeping import held_of, past_of, steps_of
from ipfs_accelerate_py.skills.kept_calls import begun, gone_on
from ipfs_accelerate_py.skills.rereading import UNREAD
from ipfs_accelerate_py.skills.seq2seq import MASK, START

_READ: Final = frozenset({"input_ids", "attention_mask"})
_ROWS: Final[tuple[tuple[int, ...], ...]] = (
    (5, 6, 7, 8, 9, 10, 11),
    (12, 9, 13, 14, 15),
)  # ids that any vocabulary has
_NEW: Final = ((16, 7), (6, 17), (18, 19))  # read one after the other, and exchanged in between


def goes_on(model: Any, feed: Feed, *, state: bool, apart: bool) -> bool:
    """Whether `model` takes an empty cache of transformers, and reads on behind it as if it read all anew.

    So it must where texts of unequal length are filled up on the left, unless rows are run `apart`, and where rows are
    exchanged between two steps, as beams are. True of classes that are given more than these.
    """
    if not _READ.issuperset(feed.names):
        return True
    with suppress(*FOREIGN):
        groups: list[list[tuple[int, ...]]] = [[row] for row in _ROWS] if apart else [list(_ROWS)]
        return all(_agrees(model, group, state=state) for group in groups)
    return False


def _agrees(model: Any, rows: list[tuple[int, ...]], *, state: bool) -> bool:
    import torch

    length = max(map(len, rows))
    ids = torch.tensor([[row[0]] * (length - len(row)) + [*row] for row in rows])
    mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows])
    cache, read = empty_cache(model), [list(row) for row in rows]
    order = torch.arange(len(rows) - 1, -1, -1)
    with torch.inference_mode():
        for new in ((), *_NEW):
            if new:
                cache.reorder_cache(order)
                mask, read = mask[order], read[::-1]
                ids = torch.tensor(new)[: len(rows), None]
                mask = torch.cat([mask, torch.ones_like(ids)], dim=1)
                read = [[*row, each] for row, each in zip(read, new, strict=False)]
            found = _stepped(model, ids, mask, cache, state=state)
            for row, logits in zip(read, found, strict=True):
                want = model(input_ids=torch.tensor([row]), use_cache=False).logits[0, -1]
                if not (logits - want).abs().max() <= TOLERANCE * want.abs().max():
                    return False
    return True


def _stepped(model: Any, ids: Any, mask: Any, cache: Any, *, state: bool) -> Any:
    """Return the logits after `ids`, read behind `cache` as the template of the task has it read."""
    if state:
        given = {"attention_mask": mask[:, -ids.shape[1] :], "cache_params": cache}
    else:
        places = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        given = {"attention_mask": mask, "position_ids": places, "past_key_values": cache}
    return model(input_ids=ids, use_cache=True, logits_to_keep=1, **given).logits[:, -1]


def keeps(model: Any, feed: Feed) -> bool:
    """Whether `model`, given the arrays of `feed`, goes on behind what it kept of them as if it read all anew.

    So it must where rows are exchanged between two steps; of what lies packed each row has an equal share. A class
    that remembers on the side where its text stood, outside of any cache, is said to keep nothing: an export would
    lose that.
    """
    if any(hasattr(each, "rope_deltas") for each in model.modules()):
        return False
    with suppress(*FOREIGN, BundleError):
        return _goes_on_from(model, feed.made())
    return False


def _goes_on_from(model: Any, given: dict[str, Any]) -> bool:
    import torch

    rows = len(given[reads(tuple(given))])
    order = torch.arange(rows - 1, -1, -1)
    new = torch.zeros((rows, 0), dtype=torch.int64)
    with torch.inference_mode():
        found = begun(model, given, new)
        held = held_of(found, given)
        cache = kept.fill(kept.unbounded(empty_cache(model)), past_of(found))
        for each in _words(model, rows):
            if not _alike(found["logits"], model(**lengthened(model, given, new), use_cache=False).logits):
                return False
            cache.reorder_cache(order)
            given = {name: exchanged(tensor, rows) for name, tensor in given.items()}
            held = {name: tensor[order] for name, tensor in held.items()}
            new = torch.cat([new[order], each], dim=1)
            asked = {START if START in given else "input_ids": each, **held}
            if not held and MASK in steps_of(given):
                asked[MASK] = torch.cat([given[MASK], torch.ones_like(new)], dim=1)
            found = gone_on(model, asked, cache, vectors="inputs_embeds" in given)
        return _alike(found["logits"], model(**lengthened(model, given, new), use_cache=False).logits)


def _words(model: Any, rows: int) -> Any:
    """Return ids that stand for nothing but themselves, (steps, rows, 1)."""
    import torch

    taken = {getattr(model.config, name, None) for name in UNREAD}
    free = [each for each in range(5, 5 + len(taken) + 3 * rows) if each not in taken]
    return torch.tensor(free[: 3 * rows]).reshape(3, rows, 1)


def _alike(found: Any, wanted: Any) -> bool:
    want = wanted[:, -1].float()
    return bool((found - want).abs().max() <= TOLERANCE * want.abs().max())
