"""Classes that decide between options, loaded with the report of what their weights lacked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Decider:
    """A class that decides, to be loaded as others are.

    Its own `from_pretrained` takes the pair of a model and a report for a model, so that it can give no report; what
    that does beside is to read what a head that is shipped next to foreign weights says in files of its own.
    """

    model_class: Any

    @property
    def __name__(self) -> str:
        """The name of the class."""
        return str(self.model_class.__name__)

    def from_pretrained(self, folder: Any, **settings: Any) -> Any:
        """Return what the class gives as a pretrained model does: with its report, if `settings` ask for one."""
        from transformers import PreTrainedModel

        config, _ = self.model_class.checkpoint_config(folder, local_files_only=True)
        told = {} if config is None else {"config": config}
        return PreTrainedModel.from_pretrained.__func__(self.model_class, folder, **told, **settings)
