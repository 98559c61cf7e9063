"""A model type of somebody's own, registered with transformers from outside: one layer, one head, BERT's tokenizer."""

import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import SequenceClassifierOutput


class NimbleConfig(PreTrainedConfig):
    model_type = "nimble"
    vocab_size: int = 30000
    hidden_size: int = 256
    max_position_embeddings: int = 512
    initializer_range: float = 0.02


class NimbleForSequenceClassification(PreTrainedModel):
    config_class = NimbleConfig
    base_model_prefix = "nimble"

    def __init__(self, config):
        super().__init__(config)
        self.words = torch.nn.Embedding(config.vocab_size, config.hidden_size)
        self.places = torch.nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.layer = torch.nn.Linear(config.hidden_size, config.hidden_size)
        self.classifier = torch.nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(self, input_ids=None, attention_mask=None, **kwargs):
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        hidden = torch.tanh(self.layer(self.words(input_ids) + self.places(places)))
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * mask).sum(1) / mask.sum(1)
        return SequenceClassifierOutput(logits=self.classifier(pooled))


AutoConfig.register("nimble", NimbleConfig)
AutoModelForSequenceClassification.register(NimbleConfig, NimbleForSequenceClassification)
AutoTokenizer.register(NimbleConfig, tokenizer_class=BertTokenizer)
