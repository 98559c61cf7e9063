"""How a checkpoint of speech wants to be asked: its languages, tasks and marks of time, from generation_config.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ipfs_accelerate_py.errors import InputError, unknown
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.generation import ends
from ipfs_accelerate_py.skills.languages import CODES
from ipfs_accelerate_py.skills.seq2seq import start

# Options for which generation_config.json may have a value that holds where nobody gives another.
_CHOSEN = (
    "condition_on_prev_tokens",
    "compression_ratio_threshold",
    "logprob_threshold",
    "no_speech_threshold",
)
Prompt = tuple[int | None, ...]  # what the decoder reads first; None where it is to say the language itself


@dataclass(frozen=True)
class SpeechSettings:
    """What generation_config.json says; a checkpoint that knows one language and no time says hardly anything."""

    start: int
    ends: frozenset[int] = frozenset()
    languages: Mapping[str, int] = field(default_factory=dict)  # "<|en|>" -> token
    tasks: Mapping[str, int] = field(default_factory=dict)
    language: str | None = None
    task: str | None = None
    forced: tuple[int | None, ...] = ()  # the older way to say both
    one_language: bool = False
    untimed: int | None = None  # the token that asks for no marks of time; the marks have the ids after it
    latest_start: int | None = None  # the latest mark that a text may begin with
    suppressed: tuple[int, ...] = ()
    suppressed_first: tuple[int, ...] = ()
    aligned: bool = False  # whether heads of the decoder tell when a word was said
    filter_width: int = 7  # of the median that smooths what they tell
    before: int | None = None  # the token that stands before what was said earlier
    vocabulary: int = 2
    defaults: Mapping[str, Any] = field(default_factory=dict)  # of options, where the checkpoint has its own

    @property
    def knows_time(self) -> bool:
        """Whether the checkpoint can say when something was said."""
        return self.untimed is not None

    def prompt(self, language: str | None, task: str | None, *, timed: bool) -> Prompt:
        """Return what the decoder reads first, by the rules of transformers; None stands for a language to be heard.

        Raises:
            InputError: the checkpoint does not have that language or task.
        """
        if self.one_language and (language is not None or task is not None):
            raise InputError(
                "this checkpoint knows one language only, so neither language nor task can be chosen"
            )
        language, task = language or self.language, task or self.task
        said: list[int | None] = [self.start]
        if language is None and task is None:
            said += self.forced
        if language is not None:
            said[1:2] = [self._language(language)]
        elif self.languages and (len(said) < 2 or said[1] is None):
            said[1:2] = [None]
        kinds = set(self.tasks.values())
        if task is not None:
            wanted = self._task(task)
            said = [wanted if token in kinds else token for token in said]
            said += [wanted] * (wanted not in said)
        elif language is not None and self.tasks and not kinds & set(said):
            said.append(self._task("transcribe"))
        if self.untimed is not None and timed != (said[-1] != self.untimed):
            said = said[:-1] if timed else [*said, self.untimed]
        return tuple(said)

    def _language(self, name: str) -> int:
        if not self.languages:
            raise InputError(
                "this checkpoint names no languages in generation_config.json; leave out language"
            )
        wanted = str(name).lower()
        token = wanted if wanted in self.languages else f"<|{CODES.get(wanted, wanted)}|>"
        if token not in self.languages:
            known = [each.removeprefix("<|").removesuffix("|>") for each in self.languages]
            raise InputError(str(unknown("language", wanted, [*known, *CODES])))
        return self.languages[token]

    def _task(self, name: str) -> int:
        if name not in self.tasks:
            known = ", ".join(self.tasks) or "none"
            raise InputError(f"task is {name!r}; this checkpoint has {known}")
        return self.tasks[name]


def speech_settings(checkpoint: Checkpoint) -> SpeechSettings:
    """Return what the checkpoint says about how its decoder wants to be asked."""
    written = checkpoint.json("generation_config.json")
    forced = written.get("forced_decoder_ids") or checkpoint.config.get("forced_decoder_ids") or []
    in_order = [token for place, (at, token) in enumerate(forced, 1) if at == place]
    return SpeechSettings(
        start=int(start(checkpoint)[0]),
        ends=ends(checkpoint),
        languages=written.get("lang_to_id") or {},
        tasks=written.get("task_to_id") or {},
        language=written.get("language"),
        task=written.get("task"),
        forced=tuple(in_order),
        one_language=written.get("is_multilingual") is False,
        untimed=written.get("no_timestamps_token_id"),
        latest_start=written.get("max_initial_timestamp_index"),
        suppressed=_ids(written, "suppress_tokens"),
        suppressed_first=_ids(written, "begin_suppress_tokens"),
        aligned=bool(alignment_heads(checkpoint)),
        filter_width=checkpoint.number("median_filter_width") or 7,
        before=written.get("prev_sot_token_id") or next(iter(_ids(written, "suppress_tokens")[-2:-1]), None),
        vocabulary=checkpoint.number("vocab_size") or 2**16,
        defaults={name: written[name] for name in _CHOSEN if written.get(name) is not None},
    )


def alignment_heads(checkpoint: Checkpoint) -> tuple[tuple[int, int], ...]:
    """Return the heads of the cross attention that tell when a word was said, (layer, head) each, if any are named."""
    written = checkpoint.json("generation_config.json").get("alignment_heads") or ()
    return tuple((int(layer), int(head)) for layer, head in written)


def _ids(written: Mapping[str, Any], name: str) -> tuple[int, ...]:
    return tuple(written.get(name) or ())
