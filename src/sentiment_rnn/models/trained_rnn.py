"""A trained recurrent network with its vocabulary."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from sentiment_rnn.encoding.arrays import UNK_ID, EncodedReviews
from sentiment_rnn.encoding.tokens import HTML, Tokenizer, html_text
from sentiment_rnn.encoding.vocabulary import encode, has_known_word, read_vocabulary
from sentiment_rnn.model_json import ModelFolderError, read_metadata
from sentiment_rnn.models.classifier import Classifier, Contribution, Explanation, Scores
from sentiment_rnn.network.batching import ReviewTensors
from sentiment_rnn.network.inference import predict_logits
from sentiment_rnn.network.model import RNNClassifier
from sentiment_rnn.network.model_io import load_model
from sentiment_rnn.study.params import StopWords

CPU = torch.device("cpu")


class TrainedRNN(Classifier):
    """A recurrent network that reads texts as it read the test reviews.

    Args:
        model: with its trained weights, on the CPU, in evaluation mode.
        vocabulary: the words by id.
        stop_words: how it reads them, as Tokenizer takes it.
        max_length: tokens of a text that it reads.
        html_only: only what looks like HTML is markup: `I <3 it` is text. The study's networks read all of <...> so.
    """

    def __init__(
        self, model: RNNClassifier, vocabulary: list[str], stop_words: str, max_length: int, *, html_only: bool = False
    ) -> None:
        self.model = model
        self.vocabulary = vocabulary
        self.max_length = max_length
        self.html_only = html_only
        self._tokenizer = Tokenizer(stop_words, frozenset(vocabulary))

    @classmethod
    def load(cls, folder: Path) -> "TrainedRNN":
        """The model of a folder that a training wrote.

        Raises:
            ModelFolderError: there is no model there, a damaged one, or one of another format.
        """
        metadata, model = read_metadata(folder), load_model(folder)
        try:
            vocabulary = read_vocabulary(folder / "vocabulary.txt")
        except (OSError, ValueError) as error:
            raise ModelFolderError(f"{folder}: its vocabulary cannot be read: {error}") from error
        if metadata.get("stop_words") not in get_args(StopWords):
            raise ModelFolderError(f"{folder}: stop_words {metadata.get('stop_words')!r}, which is unknown")
        if not isinstance(metadata["max_length"], int) or metadata["max_length"] < 1:
            raise ModelFolderError(f"{folder}: max_length {metadata['max_length']!r}, which is no length")
        if len(vocabulary) != metadata["vocab_size"]:
            raise ModelFolderError(
                f"{folder}: vocabulary.txt has {len(vocabulary)} words, the model {metadata['vocab_size']}"
            )
        html_only = metadata.get("html_only") is True
        return cls(model, vocabulary, metadata["stop_words"], metadata["max_length"], html_only=html_only)

    def scores(self, texts: Sequence[str]) -> Scores:
        """Log-odds of the texts, and how far the model could read them: the first max_length tokens."""
        if not texts:
            return Scores(np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0, dtype=np.int64))
        reviews, n_tokens = self._encode(texts)
        with threadpool_limits(1):  # on a busy machine several threads take a hundred times as long
            logits = predict_logits(self.model, ReviewTensors(reviews, CPU)).double()
        n_truncated = np.array(n_tokens, dtype=np.int64) - self.max_length
        return Scores((logits[:, 1] - logits[:, 0]).numpy(), has_known_word(reviews), n_truncated.clip(min=0))

    @torch.inference_mode()
    def explain(self, text: str) -> Explanation:
        """What each of the first max_length tokens adds."""
        tokens = self._tokenizer.with_spans(self._plain(text))
        read = tokens[: self.max_length]
        reviews, _ = self._encode([text])
        values, bias = self.model.contributions(torch.from_numpy(reviews.tokens)[None])
        spans = [(token.start, token.end) for token in read] or [(0, 0)]
        parts = zip(spans, values.tolist(), (reviews.tokens != UNK_ID).tolist(), strict=True)
        contributions = [Contribution(*span, value, is_known) for span, value, is_known in parts]
        return Explanation(text, contributions, float(bias), len(tokens) - len(read))

    def _encode(self, texts: Sequence[str]) -> tuple[EncodedReviews, list[int]]:
        plain = map(self._plain, texts)
        return encode(plain, [0] * len(texts), self._tokenizer, self.vocabulary, self.max_length)

    def _plain(self, text: str) -> str:
        """The text, as long as it was, without what the tokenizer would wrongly take for markup or for words."""
        if not self.html_only:
            return text
        plain = HTML.sub(lambda match: match[0] if html_text(match) == match[0] else " " * len(match[0]), text)
        return plain.replace("<", " ")
