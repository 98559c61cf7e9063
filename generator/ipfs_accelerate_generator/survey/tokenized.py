"""Whether the tokenizer of a type of texts can be made offline, and what its heads take is what it makes.

Such a type has no processor, and its tokenizer, as transformers has it, stands for one: where it knows no
tokenizer.json, or where nobody wrote a template of a text for a task.
"""

from __future__ import annotations

from importlib import import_module

from ipfs_accelerate_generator.spec import Head, ModelSpec, Processing
from ipfs_accelerate_generator.survey.foreign import FOREIGN, first_line
from ipfs_accelerate_generator.survey.processed import Way, answers, made_by, takes_of
from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.evidence import processors
from ipfs_accelerate_py.skills.own_processor import PAIR, TEXT

_TAKES = ((TEXT, PAIR), (TEXT,))


def tokenized(spec: ModelSpec) -> Processing:
    """Return what the tokenizer of the type is given, and the tasks of `spec` that answer what it makes.

    It is empty where the type has none, or no head that is given arrays is about texts alone.
    """
    heads = [head for head in spec.heads if head.tensors and not head.method and takes_of(head) == (TEXT,)]
    beside = len(heads) < len(spec.heads) and not all(head.tensors for head in spec.heads)
    name = spec.processors.tokenizer or _named(spec.model_type)
    if not heads or not name or (beside and spec.modalities != (TEXT,)):
        return Processing()
    try:
        found = []
        for given in _TAKES:
            found.append(_answered(spec, heads, name, given))
            if len(found[-1].tasks) == len(heads):
                break
    except FOREIGN as error:
        return Processing(tokenizer=name, refused=first_line(error))
    return max(found, key=lambda each: len(each.tasks))


def _answered(spec: ModelSpec, heads: list[Head], name: str, given: tuple[str, ...]) -> Processing:
    """Return the tasks of `heads` that answer what the tokenizer `name` makes of what is `given`."""
    told = processors.Processing(processor="", tokenizer=name, takes=given)
    config = getattr(import_module(spec.module), spec.config)
    made = processors.own(told, spec.tiny, config, vocabulary=spec.vocabulary, places=spec.limits.tokens)
    way = Way(told, made)
    if PAIR in given and not _reads_pairs(way, heads[0]):
        return Processing()
    tasks = tuple(head.task for head in heads if answers(spec, head, way))
    return Processing(tasks=tasks, tokenizer=name, takes=given if tasks else ())


def _reads_pairs(way: Way, head: Head) -> bool:
    """Whether a second text changes what the tokenizer of `way` makes."""
    item = processors.asked(way.processing)[0]
    try:
        both, one = (made_by(way, each, head)["input_ids"] for each in (item, {TEXT: item[TEXT]}))
    except (InputError, *FOREIGN):
        return False
    return both.shape != one.shape or not bool((both == one).all())


def _named(model_type: str) -> str:
    from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES

    name = TOKENIZER_MAPPING_NAMES.get(model_type)
    return name if isinstance(name, str) else ""
