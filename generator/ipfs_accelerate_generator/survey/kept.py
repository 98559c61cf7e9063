"""Whether heads that were proved go on from what they kept of what they have read."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_generator.survey import fused
from ipfs_accelerate_generator.survey.building import built
from ipfs_accelerate_generator.survey.continued import goes_on, keeps
from ipfs_accelerate_generator.survey.proof import Proof
from ipfs_accelerate_generator.survey.subject import Candidate
from ipfs_accelerate_py.evidence.writing import awake


def forgets(
    candidate: Candidate, config: Any, arguments: dict[str, Any], proof: Proof, *, state: bool
) -> bool:
    """Whether the head writes texts, and does not go on from a cache as templates have it do."""
    if candidate.task != "text-generation":  # others are not asked, and no model need be built
        return False
    assert proof.feed is not None  # a head that was run was fed
    model = awake(built(fused.otherwise(candidate, proof.attention), config, arguments | proof.config))
    return not goes_on(model, proof.feed, state=state, apart=proof.apart)


def goes_on_after(candidate: Candidate, config: Any, arguments: dict[str, Any], proof: Proof) -> bool:
    """Whether the head, which writes after arrays, goes on from a cache of what it has read of them."""
    assert proof.feed is not None  # a head that was run was fed
    return keeps(
        awake(built(fused.otherwise(candidate, proof.attention), config, arguments | proof.config)),
        proof.feed,
    )
