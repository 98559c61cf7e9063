"""One model type surveyed: facts read, alternatives of a tiny configuration tried, the best one kept."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ipfs_accelerate_generator.choice import wants_arrays
from ipfs_accelerate_generator.given import is_given, unmade, unwritten, writes
from ipfs_accelerate_generator.modalities import modalities
from ipfs_accelerate_generator.planned import given_arrays
from ipfs_accelerate_generator.spec import GENERATE, PICTURED, Head, Limits, ModelSpec, Processors, Unproved
from ipfs_accelerate_generator.survey import facts, repairs, speeches
from ipfs_accelerate_generator.survey.begun import with_beginning
from ipfs_accelerate_generator.survey.defaults import refusal
from ipfs_accelerate_generator.survey.foreign import FOREIGN, first_line
from ipfs_accelerate_generator.survey.inputs import sees
from ipfs_accelerate_generator.survey.kept import forgets, goes_on_after
from ipfs_accelerate_generator.survey.processed import processing
from ipfs_accelerate_generator.survey.proof import (
    WRITING,
    Proof,
    arrays,
    misread,
    printable,
    prove,
    reads,
    sees_any_size,
)
from ipfs_accelerate_generator.survey.report import LEAST_CONTROL
from ipfs_accelerate_generator.survey.seen import seen
from ipfs_accelerate_generator.survey.sheet import VOCABULARY
from ipfs_accelerate_generator.survey.shrink import ALTERNATIVES, overlaid, said, tiny
from ipfs_accelerate_generator.survey.subject import (
    Candidate,
    NoInput,
    Subject,
    SurveyError,
    candidates,
    home,
    subject,
)
from ipfs_accelerate_generator.survey.tokenized import tokenized

_CHANNELS: Final = 1  # the axis of colours in whole pictures
_COLOURS: Final = (1, 3, 4)


@dataclass(frozen=True)
class Surveyed:
    """A model type as it was found, and what a person may want to know about how."""

    spec: ModelSpec
    alternative: str
    """The way to shrink the configuration that was taken."""
    tried: tuple[str, ...]
    """The ways before it that did worse, and why."""
    left_out: tuple[str, ...]
    """Heads that could not be run in any way, and why."""
    control: float
    """The least change that another input or an ignored mask made, over all heads."""
    other_inputs: tuple[str, ...] = ()
    """The ways to feed a head that were tried before the one that worked, and why they failed."""


@dataclass(frozen=True)
class _Attempt:
    """All heads, under one alternative."""

    name: str
    arguments: dict[str, Any]
    proofs: dict[str, Proof]
    failures: dict[str, SurveyError]

    @property
    def control(self) -> float:
        return min((proof.control for proof in self.proofs.values()), default=0.0)

    @property
    def rank(self) -> tuple[int, bool]:
        return len(self.proofs), self.control >= LEAST_CONTROL

    @property
    def last(self) -> bool:
        """Whether other numbers cannot do better: they bring no input, no library and no field."""
        hopeless = all(
            isinstance(each, NoInput)
            or str(each).startswith("needs ")
            or (self.proofs and repairs.hopeless(str(each)))
            for each in self.failures.values()
        )
        return hopeless and (not self.proofs or self.control >= LEAST_CONTROL)

    def shortcoming(self) -> str:
        """Return in one line what was wrong."""
        reasons = dict.fromkeys(str(each) for each in self.failures.values())
        if not reasons:
            return f"{self.name}: another input changes an output by {self.control:.2g} only"
        return f"{self.name}: {'; '.join(reasons)}"


def survey_type(
    model_type: str, imports: tuple[str, ...] = (), told: Mapping[str, Any] | None = None
) -> Surveyed:
    """Return what the installed transformers says about `model_type`, proved on a small model.

    `told` are arguments of the small model's configuration that a person knows better than any rule.

    Where nothing of it can be run, its heads are given one sample alone: some classes take no other number.

    Raises:
        UnknownName: there is no such type; the message offers the nearest names.
        SurveyError: it has no model class, or none that could be run.
    """
    about = subject(model_type, imports)
    try:
        heads = candidates(about)
    except FOREIGN as error:
        if isinstance(error, SurveyError):
            raise
        raise SurveyError(f"{model_type}: its classes cannot be imported: {first_line(error)}") from error
    processors = facts.processors(about)
    returned = facts.returned(about, processors)
    attempts = _made(about, heads, returned, told or {})
    if not attempts:
        raise SurveyError(f"{model_type}: {_whole_failure(about)}")
    reasons = "; ".join(dict.fromkeys(attempt.shortcoming() for attempt in attempts))
    if not any(attempt.proofs for attempt in attempts) and not attempts[-1].last:
        heads = tuple(each if each.task in WRITING else replace(each, batch=1) for each in heads)
        attempts += _made(about, heads, returned, told or {})
    best = max(attempts, key=lambda attempt: attempt.rank)  # the first of equals
    if not best.proofs:
        first = f"{refused}; " if (refused := refusal(about, heads)) else ""
        raise SurveyError(f"{model_type}: {first}none of its {len(heads)} heads could be run: {reasons}")
    return Surveyed(
        spec=_spec(about, heads, best),
        alternative=best.name,
        tried=tuple(attempt.shortcoming() for attempt in attempts if attempt is not best),
        left_out=tuple(f"{task}: {reason}" for task, reason in best.failures.items()),
        control=best.control,
        other_inputs=tuple(way for proof in best.proofs.values() if proof.feed for way in proof.feed.tried),
    )


def _made(
    about: Subject, heads: tuple[Candidate, ...], returned: tuple[str, ...], told: Mapping[str, Any]
) -> list[_Attempt]:
    """Return what came of each alternative, up to one after which no other can do better."""
    found: list[_Attempt] = []
    for attempt in _attempts(about, heads, returned, told):
        found.append(attempt)
        if attempt.last:
            break
    return found


def _attempts(
    about: Subject, heads: tuple[Candidate, ...], returned: tuple[str, ...], told: Mapping[str, Any]
) -> Iterator[_Attempt]:
    """Yield what came of each alternative that differs from those before, mended as the messages say.

    What is `told` stands in every one of them.
    """
    seen: list[dict[str, Any]] = []
    for alternative in ALTERNATIVES:
        name = alternative.name
        try:
            arguments = tiny(about.config, alternative)
            if any(each.method == GENERATE for each in heads):
                arguments = speeches.tied(arguments)
            arguments = overlaid(arguments, told)
        except FOREIGN:
            continue
        for _ in range(repairs.MOST):
            if arguments in seen:
                break
            seen.append(arguments)
            yield (attempt := _attempt(about, heads, returned, name, arguments))
            if attempt.last or not attempt.failures:
                break
            message = str(next(iter(attempt.failures.values())))
            arguments = repairs.repaired(about.config, arguments, alternative, message) or arguments
            name = f"{alternative.name}, as a message asked"


def _whole_failure(about: Subject) -> str:
    """Return why not even a tiny configuration could be thought of."""
    try:
        tiny(about.config, ALTERNATIVES[0])
    except FOREIGN as error:
        return f"its configuration cannot be read: {first_line(error)}"
    return "no alternative could be tried"


def _attempt(
    about: Subject,
    heads: tuple[Candidate, ...],
    returned: tuple[str, ...],
    name: str,
    arguments: dict[str, Any],
) -> _Attempt:
    proofs: dict[str, Proof] = {}
    failures: dict[str, SurveyError] = {}
    for candidate in heads:
        try:
            if candidate.method == GENERATE:
                proofs[candidate.task] = speeches.prove(candidate, about.config, arguments)
            else:
                proofs[candidate.task] = prove(candidate, about.config, arguments, returned)
        except SurveyError as error:
            failures[candidate.task] = error
    return _Attempt(name, arguments, proofs, failures)


def _spec(about: Subject, heads: tuple[Candidate, ...], best: _Attempt) -> ModelSpec:
    config = about.config(**best.arguments)
    module = home(about.config)
    written = facts.processors(about).processor in PICTURED
    made = tuple(
        _head(candidate, best.proofs[candidate.task], module, written=written)
        for candidate in heads
        if _in(candidate, best)
    )
    carried = modalities(made)
    given = modalities(facts.given(made))
    family, subfamily = facts.family(given, tuple(head.task for head in made), made)
    speaks = any(head.method == GENERATE for head in made)
    vocabulary = "" if speaks else facts.vocabulary(config)  # its parts have several, which hang together
    limits = facts.limits(config, carried)
    if given == ("image",) and all(
        sees_any_size(each, about.config, best.arguments, best.proofs[each.task])
        for each in heads
        if _in(each, best)
    ):
        limits = replace(limits, image="")
    spec = ModelSpec(
        model_type=about.model_type,
        title=facts.title(about),
        family=family,
        subfamily=subfamily,
        config=about.config.__name__,
        module=module,
        imports=about.imports if about.registered else (),
        modalities=given or ("tensor",),
        limits=replace(limits, after=_after(about, heads, best, limits)),
        processors=_processors(about, made, given, best),
        vocabulary=vocabulary,
        heads=made,
        tiny=_without(said(best.arguments), vocabulary),
        unproved=tuple(
            Unproved(
                task=each.task, model=each.model.__name__, reason=printable(str(best.failures[each.task]))
            )
            for each in heads
            if each.task in best.failures
        ),
    )
    described = (_described(about, each, spec, best) for each in heads if _in(each, best))
    found = replace(spec, heads=tuple(described))
    told = (processing if found.processors.processor else tokenized)(found)
    return replace(found, processing=told, seen=seen(found))


def _described(about: Subject, candidate: Candidate, spec: ModelSpec, best: _Attempt) -> Head:
    """Return the head for the task of `candidate`, with arrays where nothing proved makes its inputs of something."""
    head = spec.head(candidate.task)
    proof = best.proofs[head.task]
    if isinstance(proof, speeches.Speech):
        return speeches.with_tensors(head, proof)
    beside = not unmade(spec, head) and (
        wants_arrays(spec, head, sees=sees(candidate))
        or misread(candidate, about.config, best.arguments, proof)
        or forgets(candidate, about.config, best.arguments, proof, state=head.state)
    )
    every = unwritten(spec, head) or beside or candidate.batch == 1
    if not unmade(spec, head) and not every and not _strange(spec, head):
        return head
    proof = with_beginning(candidate, about.config, best.arguments, proof)
    tensors, whole = arrays(candidate, about.config, best.arguments, proof, texts=every)
    given = replace(head, inputs=proof.inputs, tensors=tensors, whole=whole, also=proof.also)
    kept = writes(given) and goes_on_after(candidate, about.config, best.arguments, proof)
    return replace(given, keeps=kept)


def _processors(about: Subject, made: tuple[Head, ...], given: tuple[str, ...], best: _Attempt) -> Processors:
    """Return the classes that make the tensors of the type; none of a picture that the towers do not take whole."""
    tables = [head.table for head in made]
    found = facts.spelled(facts.completed(facts.processors(about), given, tables), tables)
    if any(proof.feed and proof.feed.coded for proof in best.proofs.values()):
        found = replace(found, tokenizer="")  # no tokenizer makes codes of a text
    feeds = [proof.feed.made() for proof in best.proofs.values() if proof.feed]
    pixels = [feed["pixel_values"] for feed in feeds if "pixel_values" in feed]
    if all(each.dim() > _CHANNELS and each.shape[_CHANNELS] in _COLOURS for each in pixels):
        return facts.seeing(about, found, made)
    return facts.seeing(about, found, made) if any(is_given(head) for head in made) else found


def _strange(spec: ModelSpec, head: Head) -> bool:
    """Whether the pictures in the texts of `head` lie in a way that no template knows."""
    beside = {"input_ids", "pixel_values"} <= {*head.inputs}
    written = spec.processors.processor in PICTURED or given_arrays(spec)
    return beside and "image-text-to-text" in spec.tasks and not written


def _after(about: Subject, heads: tuple[Candidate, ...], best: _Attempt, limits: Limits) -> str:
    """Return the field with the id after which positions are counted, as RoBERTa does, or "" if they begin at 0."""
    field = "pad_token_id"
    tokens, pad = best.arguments.get(limits.tokens), getattr(about.config(**best.arguments), field, None)
    candidate = next((each for each in heads if each.task == "feature-extraction" and _in(each, best)), None)
    if candidate is None or not isinstance(tokens, int) or not isinstance(pad, int):
        return ""
    inputs = best.proofs[candidate.task].inputs
    takes = [
        reads(candidate, about.config, best.arguments, inputs, count)
        for count in (tokens, tokens - pad, tokens - pad - 1)
    ]
    return field if takes == [False, False, True] else ""


def _in(candidate: Candidate, best: _Attempt) -> bool:
    return candidate.task in best.proofs


def _head(candidate: Candidate, proof: Proof, module: str, *, written: bool) -> Head:
    place = home(candidate.model)
    return Head(
        task=candidate.task,
        table=candidate.table,
        model=candidate.model.__name__,
        module="" if place == module else place,
        inputs=proof.inputs,
        output=proof.output,
        method=candidate.method,
        pooling=proof.pooling,
        pictures="" if written else proof.pictures,
        config=proof.config,
        labels=proof.labels,
        state=_keeps_state(candidate),
        apart=proof.apart,
        drawn=proof.drawn,
        attention=proof.attention,
    )


def _keeps_state(candidate: Candidate) -> bool:
    """Whether a class that writes takes a state of what was read before, and no keys and values of tokens."""
    named = inspect.signature(candidate.call).parameters
    return candidate.task == "text-generation" and "cache_params" in named and "past_key_values" not in named


def _without(arguments: dict[str, Any], path: str) -> dict[str, Any]:
    """Return `arguments` less the vocabulary at the dotted `path`: a test has the number of its tokenizer."""
    key, _, rest = path.partition(".")
    inner = arguments.get(key)
    if rest and isinstance(inner, dict):
        return arguments | {key: _without(inner, rest)}
    return {name: value for name, value in arguments.items() if name != key or value != VOCABULARY}
