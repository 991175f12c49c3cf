"""Text classification and embeddings (快速文本分类和嵌入生成) by fastText, in batches.

Train with the library, predict where the data is::

    rows = examples(memo, category, counterparty_id)        # Arrow string arrays
    learned = learn(rows, TextTraining(), get_backend("auto"))
    found = load_predictor(learned.model, backend).predict(normalise(memo), k=1)
"""

from qfb_gpu.models.text.evaluate import Score, score, threshold_for
from qfb_gpu.models.text.fileformat import read_model, write_model
from qfb_gpu.models.text.learn import Learned, learn, learn_embedding
from qfb_gpu.models.text.model import TextModel, read_back
from qfb_gpu.models.text.normalise import normalise
from qfb_gpu.models.text.predict import Predictions, Predictor, load_predictor
from qfb_gpu.models.text.sampling import Examples, examples, sample
from qfb_gpu.models.text.served import Categoriser
from qfb_gpu.models.text.streams import axes, mean_vectors, money_by_category, vote
from qfb_gpu.models.text.train import train_supervised, train_unsupervised

__all__ = [
    "Categoriser",
    "Examples",
    "Learned",
    "Predictions",
    "Predictor",
    "Score",
    "TextModel",
    "axes",
    "examples",
    "learn",
    "learn_embedding",
    "load_predictor",
    "mean_vectors",
    "money_by_category",
    "normalise",
    "read_back",
    "read_model",
    "sample",
    "score",
    "threshold_for",
    "train_supervised",
    "train_unsupervised",
    "vote",
    "write_model",
]
