"""A model type from outside transformers, and others that go wrong in one way each; the survey imports it."""

import os
import time

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import BaseModelOutput, SequenceClassifierOutput


class PocketConfig(PreTrainedConfig):
    model_type = "pocket"
    vocab_size: int = 30000
    hidden_size: int = 768
    num_hidden_layers: int = 12
    max_position_embeddings: int = 512
    initializer_range: float = 0.02


class PocketPreTrainedModel(PreTrainedModel):
    config_class = PocketConfig
    base_model_prefix = "model"


class PocketModel(PocketPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embed = torch.nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = torch.nn.ModuleList(
            torch.nn.Linear(config.hidden_size, config.hidden_size) for _ in range(config.num_hidden_layers)
        )
        self.post_init()

    def forward(self, input_ids=None, attention_mask=None, **kwargs):
        hidden = self.embed(input_ids)
        mask = attention_mask[..., None].to(hidden.dtype)
        hidden = hidden + (hidden * mask).sum(1, keepdim=True)
        for layer in self.layers:
            hidden = torch.relu(layer(hidden))
        return BaseModelOutput(last_hidden_state=hidden)


class PocketForSequenceClassification(PocketPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.model = PocketModel(config)
        self.score = torch.nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(self, input_ids=None, attention_mask=None, labels=None, **kwargs):
        hidden = self.model(input_ids, attention_mask).last_hidden_state
        return SequenceClassifierOutput(logits=self.score(hidden[:, 0]))


AutoConfig.register("pocket", PocketConfig)
AutoModel.register(PocketConfig, PocketModel)
AutoModelForSequenceClassification.register(PocketConfig, PocketForSequenceClassification)


def registered(name, behaviour):
    """Register a type whose model does `behaviour` when it is built."""

    class Config(PocketConfig):
        model_type = name

    class Model(PocketModel):
        config_class = Config

        def __init__(self, config):
            behaviour()
            super().__init__(config)

    for cls, ending in ((Config, "Config"), (Model, "Model")):
        cls.__name__ = cls.__qualname__ = f"{name.title()}{ending}"
        globals()[cls.__name__] = cls
    AutoConfig.register(name, Config)
    AutoModel.register(Config, Model)


def raises():
    raise RuntimeError("the left wheel is missing\nand more lines")


class AloneConfig(PocketConfig):
    model_type = "alone"


class AloneModel(PocketModel):
    config_class = AloneConfig

    def forward(self, input_ids=None, attention_mask=None, **kwargs):
        if len(input_ids) > 1:
            raise ValueError("one text alone has room here")
        return super().forward(input_ids, attention_mask, **kwargs)


class BodilessConfig(PocketConfig):
    model_type = "bodiless"


registered("crashes", os.abort)
registered("hangs", lambda: time.sleep(600))
registered("prints", lambda: print("{}", flush=True))
registered("raises", raises)
AutoConfig.register("alone", AloneConfig)
AutoModel.register(AloneConfig, AloneModel)
AutoConfig.register("bodiless", BodilessConfig)
