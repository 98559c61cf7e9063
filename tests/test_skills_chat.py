"""Messages become the prompt that transformers makes of them, in a sandbox, without transformers."""

import json

import pytest
from tiny_checkpoints import bert, changed

import ipfs_accelerate_py as ia
from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.skills.chat import OPTIONS, rendered
from ipfs_accelerate_py.skills.checkpoint import Checkpoint

PLAIN = """{% for message in messages %}{{ '<|' + message['role'] + '|>' }}
{{ message['content'] | trim }}
{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"""
RICH = """{%- set seen = namespace(count=0) -%}
{{ cls_token }}{% if tools %}{{ tools | tojson(indent=2) }}{% endif %}
{% for message in messages %}
    {%- if message.role == 'system' %}{% continue %}{% endif %}
    {%- set seen.count = seen.count + 1 %}
    {%- generation %}{{ seen.count }}: {{ message.content }}{{ message.reasoning_content }}{% endgeneration %}

{% endfor %}{{ mood | default('none') }}"""
CHAT = [
    {"role": "system", "content": "Be a cat."},
    {"role": "user", "content": "  Why <rain> & sun? "},
    {"role": "assistant", "content": "Rain.", "reasoning": "It is wet."},
]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "é": 1}}}]


def asked(**arguments):
    """The options of a prompt that ends with the beginning of an answer, whoever spoke last."""
    return {"chat_template_kwargs": arguments, "continue_final_message": False}


def chatting(folder, template):
    return changed(bert("BertLMHeadModel"), folder, tokenizer_config={"chat_template": template})


@pytest.mark.parametrize("template", [PLAIN, RICH])
@pytest.mark.parametrize("tools", [None, TOOLS])
def test_the_prompt_is_that_of_transformers(template, tools, tmp_path):
    from transformers import AutoTokenizer

    folder = chatting(tmp_path / "chat", template)
    want = AutoTokenizer.from_pretrained(folder).apply_chat_template(
        CHAT, tools=tools, tokenize=False, add_generation_prompt=True, mood="calm"
    )
    item = {"messages": CHAT} | ({"tools": tools} if tools else {})
    assert rendered(Checkpoint(str(folder)), item, asked(mood="calm"), index=0) == want


@pytest.mark.parametrize("template", [PLAIN, PLAIN.replace(" | trim", "")])
@pytest.mark.parametrize("last", ["Rain.", "It is wet, and "])
def test_a_message_is_continued_where_transformers_continues_it(template, last, tmp_path):
    from transformers import AutoTokenizer

    folder = chatting(tmp_path / "chat", template)
    messages = [*CHAT[:2], {"role": "assistant", "content": last}]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    want = tokenizer.apply_chat_template(messages, tokenize=False, continue_final_message=True)
    got = rendered(Checkpoint(str(folder)), {"messages": messages}, dict(OPTIONS), index=0)
    assert got == want
    assert not got.endswith("<|assistant|>")


def test_an_answer_to_a_message_that_goes_on_is_that_of_the_pipeline(tmp_path):
    from transformers import pipeline

    folder = chatting(tmp_path / "chat", PLAIN)
    whole = pipeline("text-generation", model=str(folder), device="cpu", model_kwargs={"is_decoder": True})
    handler = ia.load(str(folder), "text-generation", "cpu")
    for messages in (CHAT, CHAT[:2]):
        for wanted in (None, True, False):
            given = {} if wanted is None else {"continue_final_message": wanted}
            want = whole(messages, max_new_tokens=6, do_sample=False, **given)[0]["generated_text"]
            answer = handler({"messages": messages}, max_new_tokens=6, **given)
            assert answer["messages"] == want


def test_a_message_that_cannot_go_on_is_refused(tmp_path):
    checkpoint = Checkpoint(str(chatting(tmp_path / "chat", PLAIN)))
    silent = {"messages": [{"role": "assistant", "content": []}]}
    with pytest.raises(InputError, match=r"^input 3: the last message is to be continued, and has no text"):
        rendered(checkpoint, silent, dict(OPTIONS), index=3)
    with pytest.raises(InputError, match="continue_final_message is 'yes'"):
        rendered(checkpoint, {"messages": CHAT}, {**OPTIONS, "continue_final_message": "yes"}, index=0)
    forgetful = Checkpoint(str(chatting(tmp_path / "other", "{{ messages[0].content }}")))
    with pytest.raises(InputError, match="leaves its end out"):
        rendered(forgetful, {"messages": CHAT}, dict(OPTIONS), index=0)


def test_a_template_in_a_file_of_its_own_goes_first_and_of_several_the_one_for_tools_serves_tools(tmp_path):
    named = [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "tools"}]
    checkpoint = Checkpoint(str(chatting(tmp_path / "chat", named)))
    item = {"messages": CHAT}
    assert rendered(checkpoint, item, asked(), index=0) == "plain"
    assert rendered(checkpoint, {**item, "tools": TOOLS}, asked(), index=0) == "tools"
    (tmp_path / "chat" / "chat_template.jinja").write_text("file")
    assert rendered(checkpoint, item, asked(), index=0) == "file"


def test_messages_are_continued_as_transformers_continues_their_prompt(tmp_path):
    import torch
    from transformers import AutoTokenizer, BertLMHeadModel

    folder = chatting(tmp_path / "chat", PLAIN)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer.apply_chat_template(CHAT, add_generation_prompt=True, return_tensors="pt")["input_ids"]
    model = BertLMHeadModel.from_pretrained(folder, is_decoder=True).eval()
    with torch.inference_mode():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=6, pad_token_id=0)
    handler = ia.load(str(folder), "text-generation", "cpu")
    answer = handler({"messages": CHAT}, max_new_tokens=6, continue_final_message=False)
    assert answer["tokens"] == out[0, ids.shape[1] :].tolist()
    assert answer["messages"] == [*CHAT, {"role": "assistant", "content": answer["text"]}]
    assert json.loads(json.dumps(answer)) == answer
    both = handler([{"messages": CHAT}, "A cat sat."], max_new_tokens=6, continue_final_message=False)
    assert both[0]["tokens"] == answer["tokens"]
    stream = handler.stream({"messages": CHAT}, max_new_tokens=6, continue_final_message=False)
    assert "".join(stream) == answer["text"]


@pytest.mark.parametrize(
    ("template", "error", "fact"),
    [
        ("{{ raise_exception('no system please') }}", InputError, "no system please"),
        ("{{ ''.__class__.__mro__ }}", InputError, "unsafe"),
        ("{% set names = namespace() %}{% set names.__class__ = 1 %}", InputError, "__class__"),
        ("{% if %}", CheckpointError, "is no template"),
        (None, CheckpointError, "no chat template"),
    ],
)
def test_a_template_that_refuses_or_reaches_too_far_is_an_error(template, error, fact, tmp_path):
    checkpoint = Checkpoint(str(chatting(tmp_path / "chat", template)))
    with pytest.raises(error, match=fact):
        rendered(checkpoint, {"messages": CHAT}, asked(), index=0)


@pytest.mark.parametrize(
    "item",
    [
        {"messages": []},
        {"messages": "hello"},
        {"messages": ["hello"]},
        {"messages": [{"content": "x"}]},
        {"messages": CHAT, "other": 1},
    ],
)
def test_what_is_no_conversation_is_refused_with_its_place(item, tmp_path):
    handler = ia.load(str(chatting(tmp_path / "chat", PLAIN)), "text-generation", "cpu")
    with pytest.raises(InputError, match=r"^input 1: "):
        handler(["A cat.", item])
