"""Loads what search by meaning needs, where it is asked for: `pip install 'mcpmesh[embeddings]'`.

The model is model2vec's: a table of vectors for parts of words, whose mean is the meaning of a
text. That is a few tenths of a millisecond per text on one core, without PyTorch or a runtime for
networks.
"""

from importlib import import_module

from mcpmesh.config import InvalidSetting
from mcpmesh.discovery.meaning import Meaning

SETTING = "search_model"


def load_meaning(model: str) -> Meaning:
    """Load a model by its folder, or its name at Hugging Face, from where it is fetched once.

    Raises: InvalidSetting when the extra is not installed, or there is no such model.
    """
    try:
        # Loaded here, for their import takes longer than all of a router's start.
        vectors = import_module("mcpmesh.discovery.vectors")
        static_model = import_module("model2vec").StaticModel
    except ImportError as error:
        raise InvalidSetting(
            SETTING, f"install the extra, pip install 'mcpmesh[embeddings]' ({error})"
        ) from error
    try:
        loaded = static_model.from_pretrained(model)
    except Exception as error:  # of several libraries, and the network
        raise InvalidSetting(SETTING, f"cannot load the model {model!r}: {error}") from error
    meaning: Meaning = vectors.Vectors(loaded.encode)
    return meaning
