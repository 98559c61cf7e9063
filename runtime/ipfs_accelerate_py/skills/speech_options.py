"""What may be asked of a decoder of speech beside what every decoder takes: prompts, and when to try again."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.generation import check as check_decoding
from ipfs_accelerate_py.skills.head import Options
from ipfs_accelerate_py.skills.speech_settings import SpeechSettings

FIRST, ALL = "first-segment", "all-segments"  # values of prompt_condition_type
OPTIONS: Mapping[str, Any] = {
    "prompt": None,
    "prompt_ids": None,
    "prompt_condition_type": FIRST,
    "condition_on_prev_tokens": None,
    "compression_ratio_threshold": None,
    "logprob_threshold": None,
    "no_speech_threshold": None,
}
_THRESHOLDS = ("compression_ratio_threshold", "logprob_threshold", "no_speech_threshold")


def completed(options: Options, settings: SpeechSettings, encode: Callable[[str], list[int]]) -> Options:
    """Return `options` checked: what nobody chose is the checkpoint's, and a prompt is token ids, () if there is none.

    Raises:
        InputError: one of them means nothing, or not beside another; the message gives what does.
    """
    chosen = {
        **options,
        **{name: value for name, value in settings.defaults.items() if options[name] is None},
    }
    drawn_at = next((each for each in list(_temperatures(chosen["temperature"])) if each), 1.0)
    check_decoding({**chosen, "temperature": drawn_at, "stop_strings": None})
    if chosen["num_return_sequences"] != 1:
        raise InputError(
            f"num_return_sequences is {chosen['num_return_sequences']}; speech is written once: leave it out"
        )
    for name in _THRESHOLDS:
        value = chosen[name]
        if value is not None and (
            not isinstance(value, Real) or isinstance(value, bool) or math.isnan(value)
        ):
            raise InputError(f"{name} is {value!r}; it is a number, or None for the checkpoint's own")
    if chosen["no_speech_threshold"] is not None and chosen["logprob_threshold"] is None:
        raise InputError(
            "no_speech_threshold counts where logprob_threshold is not reached; give that one as well"
        )
    if chosen["no_speech_threshold"] is not None and not settings.knows_time:
        raise InputError("no_speech_threshold: this checkpoint has no token for silence; leave it out")
    return {**chosen, "prompt_ids": _prompt(chosen, settings, encode)}


def _temperatures(given: Any) -> Iterator[float]:
    several = given if isinstance(given, list | tuple) else [given]
    if not several:
        raise InputError("temperature is an empty list; give at least one, such as 0.0")
    for each in several:
        known = isinstance(each, Real) and not isinstance(each, bool) and 0 <= float(each) < math.inf
        if not known or (each == 0 and several is not given):
            kind = "numbers from 0, 0 for the likeliest token" if several is given else "a number above 0"
            raise InputError(f"temperature is {given!r}; it is {kind}")
        yield float(each)


def _prompt(
    options: Options, settings: SpeechSettings, encode: Callable[[str], list[int]]
) -> tuple[int, ...]:
    text, ids, kind = options["prompt"], options["prompt_ids"], options["prompt_condition_type"]
    conditioned = options["condition_on_prev_tokens"]
    if conditioned not in (None, True, False):
        raise InputError(f"condition_on_prev_tokens is {conditioned!r}; it is True or False")
    if kind not in (FIRST, ALL):
        raise InputError(f'prompt_condition_type is {kind!r}; it is "{FIRST}" or "{ALL}"')
    if kind == ALL and not conditioned:
        raise InputError(
            f'prompt_condition_type is "{ALL}", which needs condition_on_prev_tokens=True as well'
        )
    if conditioned and settings.before is None:
        raise InputError(
            "condition_on_prev_tokens: generation_config.json has no prev_sot_token_id, so that this checkpoint takes "
            "no text before; leave it out"
        )
    if text is not None and ids is not None:
        raise InputError("prompt and prompt_ids are two ways to say the same; give one of them")
    if text is not None:
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"prompt is {text!r}; it is a text")
        if settings.before is None:
            raise InputError(
                "prompt: generation_config.json has no prev_sot_token_id, so that this checkpoint takes no text "
                "before; leave it out"
            )
        ids = [settings.before, *encode(" " + text.strip())]
        if any(token >= min(settings.ends, default=token + 1) for token in ids[1:]):
            raise InputError(f"prompt is {text!r}, which has a special token; leave that out")
    if ids is None:
        return ()
    ids = ids.tolist() if hasattr(ids, "tolist") else ids
    known = isinstance(ids, list | tuple) and all(
        isinstance(each, Integral) and not isinstance(each, bool) and int(each) >= 0 for each in ids
    )
    if not known or not ids:
        raise InputError(f"prompt_ids is {ids!r}; it is a list of token ids")
    return tuple(int(each) for each in ids)


def attempts(options: Options) -> Iterator[Options]:
    """Yield the options of the first attempt, and of each that follows where the one before is no good."""
    given = options["temperature"]
    if not isinstance(given, list | tuple):
        yield options
        return
    beams = options["num_beams"]
    for temperature in given:
        if temperature:  # and from then on, as in transformers
            beams = 1
        yield {
            **options,
            "do_sample": temperature > 0,
            "temperature": temperature or 1.0,
            "num_beams": beams,
        }


def repetition(tokens: Sequence[int], vocabulary: int) -> float:
    """Return how many times shorter zlib makes `tokens`: the more is said twice, the more."""
    size = int(math.log2(vocabulary) / 8) + 1
    written = b"".join(token.to_bytes(size, "little") for token in tokens)
    return len(written) / len(zlib.compress(written))


def verdict(
    tokens: Sequence[int], mean: float, silence: float, options: Options, vocabulary: int
) -> tuple[bool, bool]:
    """Return whether a window should be tried again, and whether it holds no speech.

    `mean` is that of the logarithms of the tokens' probabilities, `silence` the probability that nothing is said.
    """
    least, most = options["logprob_threshold"], options["compression_ratio_threshold"]
    again = most is not None and repetition(tokens, vocabulary) > most
    unlikely = least is not None and mean < least
    quiet = options["no_speech_threshold"]
    if unlikely and quiet is not None and silence > quiet:
        return False, True
    return again or unlikely, False
