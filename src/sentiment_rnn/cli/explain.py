"""An explanation to look at: coloured words in the terminal, or a web page."""

from collections import defaultdict
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.console import Console
from rich.text import Text

from sentiment_rnn.errors import printable
from sentiment_rnn.models.classifier import Explanation

N_STRONGEST, N_UNKNOWN = 5, 20  # words shown
GREEN, RED, WHITE = (34, 136, 51), (204, 51, 68), (255, 255, 255)

_pages = Environment(
    loader=PackageLoader("sentiment_rnn.cli", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
)


def print_explanation(model: str, explanation: Explanation) -> None:
    """Print the text, each word on green or red as deep as it adds, and without colours the strongest words."""
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    prediction = explanation.prediction
    console.print(f"{model}: {prediction.label}, probability of positive {prediction.probability:.3f}", style="bold")
    text = Text()
    for piece in _pieces(explanation):
        text.append(printable(piece["text"]), style="" if piece["value"] is None else _style(piece))
    console.print(text)
    for label, words in _towards(explanation):
        console.print(f"towards {label}: {words or 'nothing'}")
    if unknown := _unknown(explanation):
        console.print(f"not in its vocabulary: {unknown}")
    for note in prediction.notes:
        console.print(note)
    of_words, log_odds = explanation.log_odds - explanation.bias, explanation.log_odds
    console.print(f"words {of_words:+.3f}, bias {explanation.bias:+.3f}: log-odds of positive {log_odds:+.3f}")


def page(explanations: dict[str, Explanation], form: dict[str, Any] | None = None) -> str:
    """A web page that needs no other file, with the explanations of some models side by side.

    Args:
        explanations: by the model's name.
        form: of `sentiment serve`.
    """
    template = _pages.get_template("sentiment.html.j2")
    shown = {"pieces": _pieces, "towards": _towards, "unknown": _unknown}
    return template.render(explanations=explanations, form=form, **shown)


def _pieces(explanation: Explanation) -> list[dict[str, Any]]:
    """The whole text: each piece with what it adds, and the size of that as a share of the largest one."""
    most = max((abs(part.value) for part in explanation.contributions), default=0.0) or 1.0
    return [{"text": text, "value": value, "share": abs(value or 0.0) / most} for text, value in explanation.segments()]


def _style(piece: dict[str, Any]) -> str:
    color = GREEN if piece["value"] > 0 else RED
    mixed = (round(white + piece["share"] * (full - white)) for white, full in zip(WHITE, color, strict=True))
    return f"black on rgb({','.join(map(str, mixed))})"


def _unknown(explanation: Explanation) -> str:
    words = explanation.unknown_words
    return ", ".join(words[:N_UNKNOWN]) + (f" and {len(words) - N_UNKNOWN} more" if len(words) > N_UNKNOWN else "")


def _towards(explanation: Explanation) -> list[tuple[str, str]]:
    """For each label the words that add most towards it, with the sum over their occurrences."""
    sums: dict[str, float] = defaultdict(float)
    for part in explanation.contributions:
        sums[explanation.text[part.start : part.end].lower()] += part.value
    strongest = []
    for label, sign in (("positive", 1), ("negative", -1)):
        words = sorted((word for word in sums if word and sums[word] * sign > 0), key=lambda word: -abs(sums[word]))
        strongest.append((label, ", ".join(f"{word} {sums[word]:+.3f}" for word in words[:N_STRONGEST])))
    return strongest
