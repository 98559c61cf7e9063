"""What a decoder has written so far: an input of what writes after arrays, also where its class asks for none."""

from __future__ import annotations

import inspect
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from ipfs_accelerate_generator.survey import fused
from ipfs_accelerate_generator.survey.building import built
from ipfs_accelerate_generator.survey.changes import change
from ipfs_accelerate_generator.survey.proof import Proof
from ipfs_accelerate_generator.survey.running import Feed, forward, settled
from ipfs_accelerate_generator.survey.subject import Candidate, SurveyError
from ipfs_accelerate_py.evidence.comparison import TOLERANCE

_WRITTEN: Final = "decoder_input_ids"
_TASK: Final = "text2text-generation"


def with_beginning(candidate: Candidate, config: Any, arguments: dict[str, Any], proof: Proof) -> Proof:
    """Return `proof` of a head that writes behind an encoder with what it wrote so far among its inputs.

    Some classes move the source by one place and read that instead where they are given none: what they write could
    then not be told from what they were asked. Others are returned as they are.
    """
    takes = inspect.signature(candidate.call).parameters
    if candidate.task != _TASK or _WRITTEN not in takes or _WRITTEN in proof.inputs:
        return proof
    model = built(fused.otherwise(candidate, proof.attention), config, arguments | proof.config)
    with suppress(SurveyError):
        names = tuple(name for name in takes if name in (*proof.inputs, _WRITTEN))
        feed = settled(candidate, model, names)
        if not _reads_on(model, feed):
            feed = replace(feed, shape=replace(feed.shape, begun=1))
        return replace(proof, inputs=feed.names, feed=feed)
    return proof


def _reads_on(model: Any, feed: Feed) -> bool:
    """Whether a class that keeps what it reads takes several ids at once for a beginning, each after those before it.

    One that leaves out the mask of later places as soon as it keeps something (`models/fsmt`) begins with one alone.
    """
    found, wanted = (forward(model, {**feed.made(), "use_cache": use}) for use in (True, False))
    return change(wanted[feed.output], found[feed.output], feed.made()) <= TOLERANCE
