"""The sample corpus: short reviews from a small grammar in which the order of words decides.

A statement praises or blames; a negation ("hardly", "never") turns it round; of two opposed statements, a contrast
("although", "however", "despite") says which one counts. Praise and blame stand in both kinds of review, so that a
bag of words knows little. `python data/sample/generate.py > data/sample/reviews.csv` writes the corpus.
"""

import random
import sys

import pandas as pd

N_REVIEWS = 10_000
SEED = 0
NEGATED = 0.4  # share of the statements

SUBJECTS = "plot acting ending music dialogue pacing camerawork cast script humour suspense romance".split()
PRAISE = "brilliant moving clever charming superb fresh gripping witty elegant memorable".split()
BLAME = "dull clumsy tedious hollow lazy bland stale forced sloppy forgettable".split()
NEGATIONS = "never hardly barely rarely".split()
ASIDES = (
    "We saw it on Sunday.",
    "My sister lent me the disc.",
    "It ran late.",
    "The seats creaked.",
    "We walked home afterwards.",
    "Popcorn was sold out.",
)


def statement(rng: random.Random, praises: bool) -> str:
    """A clause that praises or blames, by its word or by the negation of the contrary."""
    negated = rng.random() < NEGATED
    word = rng.choice(PRAISE if praises != negated else BLAME)
    negation = f"{rng.choice(NEGATIONS)} " if negated else ""
    return f"the {rng.choice(SUBJECTS)} was {negation}{word}"


def review(rng: random.Random, positive: bool) -> str:
    """One review: a verdict alone, or beside the contrary that it outweighs; at times with words around it."""
    verdict, contrary = statement(rng, positive), statement(rng, not positive)
    body = rng.choice(
        [
            f"{verdict}.",
            f"{verdict} and {statement(rng, positive)}.",
            f"although {contrary}, {verdict}.",
            f"{contrary}; however, {verdict}.",
            f"{verdict}, although {contrary}.",
        ]
    )
    body = body[0].upper() + body[1:]
    aside = rng.choice(ASIDES)
    return rng.choice([body, f"{aside} {body}", f"{body} {aside}"])


def generate(n_reviews: int, seed: int) -> pd.DataFrame:
    """`n_reviews` reviews, half of them positive, with the columns review and sentiment."""
    rng = random.Random(seed)
    sentiments = ["positive" if number % 2 else "negative" for number in range(n_reviews)]
    return pd.DataFrame(
        {
            "review": [review(rng, sentiment == "positive") for sentiment in sentiments],
            "sentiment": sentiments,
        }
    )


if __name__ == "__main__":
    generate(N_REVIEWS, SEED).to_csv(sys.stdout, index=False)
