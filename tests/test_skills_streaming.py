"""A streamed text is the text, in pieces that never change; a stream that is dropped leaves nothing behind."""

import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_checkpoints import bert

import ipfs_accelerate_py as ia
from ipfs_accelerate_py.errors import InputError, UnknownName
from ipfs_accelerate_py.evidence.tiny import TEXTS
from ipfs_accelerate_py.skills.streaming import pieces


@pytest.fixture(scope="module", params=["cpu", "openvino", "onnxruntime"])
def handler(request):
    return ia.load(str(bert("BertLMHeadModel")), "text-generation", request.param)


def test_the_pieces_are_the_text(handler):
    for text in TEXTS:
        given_ = list(handler.stream(text, max_new_tokens=12))
        assert "".join(given_) == handler(text, max_new_tokens=12, return_full_text=False)["text"]
        assert all(given_)
        assert len(given_) > 1


def test_another_call_goes_on_while_a_stream_is_open(handler):
    want = handler(TEXTS[1], max_new_tokens=8)["tokens"]
    whole = "".join(handler.stream(TEXTS[0], max_new_tokens=12))
    stream = handler.stream(TEXTS[0], max_new_tokens=12)
    first = next(stream)
    assert handler(TEXTS[1], max_new_tokens=8)["tokens"] == want
    assert first + "".join(stream) == whole


@pytest.mark.parametrize("ending", ["close", "drop"])
def test_a_stream_that_is_ended_frees_its_memory(ending, handler, monkeypatch):
    made = []
    decoding = type(handler.engine).decoding

    def watched(engine):
        block = decoding(engine)
        enter = type(block).__enter__

        class Watched:
            def __enter__(self):
                decoder = enter(block)
                made.append(weakref.ref(decoder))
                return decoder

            def __exit__(self, *error):
                return block.__exit__(*error)

        return Watched()

    monkeypatch.setattr(type(handler.engine), "decoding", watched)
    stream = handler.stream(TEXTS[0], max_new_tokens=30)
    next(stream)
    assert made[0]() is not None
    if ending == "close":
        stream.close()
    del stream
    gc.collect()
    assert made[0]() is None
    if handler.place.backend == "openvino":
        [request] = handler.engine._free
        assert all(state.state.shape[2] == 0 for state in request.query_state())


@pytest.mark.parametrize(
    ("prompt", "options", "fact"),
    [
        (["a", "b"], {}, "list"),
        ("a", {"num_beams": 2}, "num_beams is 2"),
        ("a", {"num_return_sequences": 2, "do_sample": True}, "num_return_sequences is 2"),
        ("a", {"max_new_tokens": 0}, "max_new_tokens is 0"),
        ("", {}, "^the text is empty"),
    ],
)
def test_what_cannot_be_streamed_is_refused_at_once(prompt, options, fact, handler):
    with pytest.raises(InputError, match=fact):
        handler.stream(prompt, **options)
    with pytest.raises(UnknownName):
        handler.stream("a", no_option=1)


@given(st.text(alphabet="ab é€\n漢字😀", max_size=40), st.integers(1, 3))
def test_pieces_hold_whole_characters_and_words_however_the_bytes_are_cut(text, size):
    data = text.encode()
    tokens = [data[start : start + size] for start in range(0, len(data), size)]

    def decode(places):
        return b"".join(tokens[place] for place in places).decode(errors="replace")

    found = list(pieces(range(len(tokens)), decode))
    assert "".join(found) == text
    assert all(piece for piece in found)
    for piece in found[:-1]:
        assert piece[-1] in " \n漢字😀"
