"""Messages become the prompt that transformers makes of them, in a sandbox, without transformers."""

import json

import pytest
from tiny_checkpoints import bert, changed

import ipfs_accelerate_py as ia
from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.skills.chat import rendered
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
    assert rendered(Checkpoint(str(folder)), item, {"mood": "calm"}, index=0) == want


def test_a_template_in_a_file_of_its_own_goes_first_and_of_several_the_one_for_tools_serves_tools(tmp_path):
    named = [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "tools"}]
    checkpoint = Checkpoint(str(chatting(tmp_path / "chat", named)))
    item = {"messages": CHAT}
    assert rendered(checkpoint, item, {}, index=0) == "plain"
    assert rendered(checkpoint, {**item, "tools": TOOLS}, {}, index=0) == "tools"
    (tmp_path / "chat" / "chat_template.jinja").write_text("file")
    assert rendered(checkpoint, item, {}, index=0) == "file"


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
    answer = handler({"messages": CHAT}, max_new_tokens=6)
    assert answer["tokens"] == out[0, ids.shape[1] :].tolist()
    assert answer["messages"] == [*CHAT, {"role": "assistant", "content": answer["text"]}]
    assert json.loads(json.dumps(answer)) == answer
    both = handler([{"messages": CHAT}, "A cat sat."], max_new_tokens=6)
    assert both[0]["tokens"] == answer["tokens"]
    assert "".join(handler.stream({"messages": CHAT}, max_new_tokens=6)) == answer["text"]


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
        rendered(checkpoint, {"messages": CHAT}, {}, index=0)


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
