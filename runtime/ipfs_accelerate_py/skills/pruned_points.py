"""Points of pairs of pictures that are matched layer by layer, with as many as are left of them.

LightGlue leaves out, after each layer, pairs that are sure of their points, and points that are sure of having no
match (`models/lightglue/modeling_lightglue.py`): both are cut out, so that it depends on the numbers which operations
there are. Here a pair that is done goes on, and is not looked at any more; the points that are left are sorted to the
front.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.replacing import around, replaced


@contextmanager
def by_layers() -> Iterator[None]:
    """Within this, all pairs go through all layers, and what each had made when it was done is kept."""
    with replaced(*around({"LightGlueForKeypointMatching": _matching}, "_match_image_pair")):
        yield


def _matching(usual: Any) -> Any:
    def matched(self: Any, keypoints: Any, descriptors: Any, height: Any, width: Any, **given: Any) -> Any:
        adaptive = self.depth_confidence > 0 and self.width_confidence > 0
        asked = given.get("output_attentions") or given.get("output_hidden_states")
        if not adaptive or asked or keypoints.shape[2] == 0:
            return usual(self, keypoints, descriptors, height, width, **given)
        found, scores, iterations = _matched(self, keypoints, descriptors, height, width, **given)
        return found, scores, iterations, None, None

    return matched


def _matched(
    self: Any, keypoints: Any, descriptors: Any, height: Any, width: Any, *, mask: Any, **_: Any
) -> tuple[Any, Any, Any]:
    """Return the matches, their scores, and how many layers each point was looked at, all (pairs, 2, points)."""
    import torch
    from transformers.masking_utils import create_bidirectional_mask
    from transformers.models.lightglue.modeling_lightglue import normalize_keypoints

    pairs, _, points = keypoints.shape[:3]
    of_pair = mask.reshape(pairs, -1).sum(dim=1)
    keypoints = normalize_keypoints(keypoints.flatten(0, 1), height, width)
    mask, descriptors = mask.flatten(0, 1), descriptors.flatten(0, 1)
    descriptors, (turns,) = self._keypoint_processing(descriptors, keypoints)
    number = torch.arange(points, device=descriptors.device).expand(pairs * 2, -1)
    iterations = torch.ones_like(number)
    running = torch.ones_like(of_pair) > 0
    done = torch.zeros_like(of_pair)  # the layer after which a pair was
    result: tuple[Any, Any] | None = None
    widest = torch.zeros_like(of_pair[0])
    for layer in range(self.num_layers):
        seen = create_bidirectional_mask(
            config=self.config,
            inputs_embeds=descriptors[:, 0:1, :],
            attention_mask=mask,
            allow_is_bidirectional_skip=False,
        )
        descriptors = self.transformer_layers[layer](descriptors, turns, attention_mask=seen)[0]
        last = layer == self.num_layers - 1
        if not last:
            sure = self.token_confidence[layer](descriptors)
            stops = self._get_early_stopped_image_pairs(sure, layer, mask, num_points=of_pair) & running
        else:
            stops = running
        # What is put behind each other is filled up to the longest, which is of the first pairs that are done.
        wide = torch.ones_like(number[0]).sum()
        widest = torch.where((widest == 0) & stops.any(), wide, widest)
        matches, scores = self._get_keypoint_matching(descriptors, mask, layer)
        made = _spread(matches, scores, number, points, filled=widest > wide)
        result = made if result is None else _where(stops, made, result)
        done = torch.where(stops, layer, done)
        running = running & ~stops
        if last:
            break
        likely = self.match_assignment_layers[layer].get_matchability(descriptors)
        kept = self._get_pruning_mask(sure, likely, layer) & (mask != 0)
        of_running = running.unsqueeze(1).expand(-1, 2).flatten()
        more = (kept & of_running.unsqueeze(1)).long()
        iterations = iterations.scatter_add(1, number.clamp(min=0), more)
        left = torch.where(of_running, kept.sum(1), 0).max().clamp(min=1)
        order = torch.argsort(torch.where(kept, 0, points) + torch.arange(wide), dim=1)[:, torch.arange(left)]
        mask = kept.gather(1, order)
        number = torch.where(mask, number.gather(1, order), -1)
        descriptors, *turned = (_picked(states, order, mask) for states in (descriptors, *turns))
        turns = tuple(turned)
    assert result is not None
    return _ordered(done, *result, iterations.unflatten(0, (-1, 2)))


def _picked(states: Any, order: Any, mask: Any) -> Any:
    """Return those of `states` that are first in `order`, and zeros where `mask` says that nothing is."""
    import torch

    chosen = states.gather(1, order.unsqueeze(-1).expand(-1, -1, states.shape[-1]))
    return torch.where(mask.unsqueeze(-1), chosen, 0.0)


def _where(these: Any, some: tuple[Any, Any], others: tuple[Any, Any]) -> tuple[Any, Any]:
    import torch

    chosen = these[:, None, None]
    return torch.where(chosen, some[0], others[0]), torch.where(chosen, some[1], others[1])


def _spread(matches: Any, scores: Any, number: Any, points: Any, *, filled: Any) -> tuple[Any, Any]:
    """Return matches and scores of the points that are left, at the places of all points, (pairs, 2, points).

    `number` says where each stood, and -1 of what was filled up. transformers writes that to the last place, behind
    what stood there, and so it is here: of several, the last holds. With `filled`, more follows, of no match.
    """
    import torch

    matches, scores, number = (each.unflatten(0, (-1, 2)) for each in (matches, scores, number))
    other = number.flip(1).gather(2, matches.clamp(min=0))
    matches = torch.where(matches == -1, -1, other)
    all_points = torch.arange(points, device=number.device)
    at = torch.where(number < 0, points - 1, number)
    order = torch.arange(number.shape[-1], device=number.device) + 1
    held = torch.where(at.unsqueeze(2) == all_points.unsqueeze(1), order, 0).amax(-1)
    nothing = (held == 0) | (filled & (all_points == points - 1))
    held = (held - 1).clamp(min=0)
    return (
        torch.where(nothing, -1, matches.gather(2, held)),
        torch.where(nothing, 0.0, scores.gather(2, held)),
    )


def _ordered(done: Any, *results: Any) -> tuple[Any, ...]:
    """Return the results in the order that transformers gives them back in.

    It puts those of pairs behind each other that are done after the same layer, and means to undo that; what undoes it
    is done as there, by that order twice.
    """
    import torch

    order = torch.argsort(done * done.shape[0] + torch.arange(done.shape[0], device=done.device))
    order = order[order[order]]
    return tuple(each[order] for each in results)
