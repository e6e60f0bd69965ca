"""The report of what goes beyond the study: its comparisons, its figures, and the context of its page."""

from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import pandas as pd
from catalogue import BASELINES, DATA, ExtendedCatalogue
from schema import Extensions
from scipy import stats

from sentiment_rnn.report.comparisons import Pair, RowComparison, compare_rows, pairs_within
from sentiment_rnn.report.figures import Drawing, study_drawings
from sentiment_rnn.report.page import as_yaml
from sentiment_rnn.report.results import Result
from sentiment_rnn.report.sections import interval, p_text, study_sections, trained_on
from sentiment_rnn.report.statistics import run_error
from sentiment_rnn.study.params import Params
from sentiment_rnn.study.variants import base_name

WITHIN_CELL = ("momentum", "init", "keep_epoch", "stop_words")  # studies whose rows are compared within each cell
TITLES = {
    "baselines": (
        "Baselines",
        "The base of each cell beside bags of words on the same split: TF-IDF with logistic regression (tfidf), and "
        "the NB-SVM of Wang and Manning (2012) on unigrams and bigrams (nbsvm). Their hyperparameters are chosen on "
        "the validation reviews. So is the factor that turns the SVM's scores into log-odds. They read whole reviews "
        "with all words; the networks read the first tokens without stop words. Each is fitted once, so its interval "
        "is of the test reviews only. Its CPU seconds are those of all fits.",
    ),
    "champion": (
        "The champion",
        "The best network that we trained from scratch, on the training reviews only. It is a bidirectional GRU over "
        "the first words of a review (`max_length` below), stop words included. Mean and maximum of its hidden states "
        "take the place of the flattening. Its embeddings start from word co-occurrence. The same model also contains "
        "a linear model of n-grams, which is fitted first (logistic regression on naive-Bayes log-count ratios). The "
        "network is trained with the n-grams' out-of-fold logits as an offset. Embeddings and n-grams start the same "
        "for every seed. The n-grams were chosen by cross-validation on the training reviews, all else on the "
        "validation reviews.",
    ),
    "momentum": ("Momentum", "SGD with momentum 0.9, which the source does not have, beside the base of each cell."),
    "attention": (
        "Self-attention",
        "The self-attention layer of the source's theory part, which it does not train, in place of the recurrent one: "
        "unscaled scores, one head, layer normalisation after it.",
    ),
    "init": (
        "Initialisation",
        "The source does not state its own. *study*: Xavier for the embedding and the linear layer, orthogonal for the "
        "recurrent ones, zero biases; *pytorch*: PyTorch's defaults, whose embedding is drawn from N(0, 1).",
    ),
    "keep_epoch": (
        "The epoch that is kept",
        "*best*: the one with the lowest validation loss, as the source does; *last*: the last one. The training "
        "itself is the same in both cases.",
    ),
    "stop_words": (
        "Stop words",
        "*drop*: all 179, as the source states; *literal*: what its code does, which looks a word up in the vocabulary "
        "before it asks whether it is a stop word, and tests before it lower-cases; *keep*: none is dropped.",
    ),
    "official_split": (
        "The corpus's own division",
        "The official training and test reviews. A tenth of the training reviews is used for validation. On the 50,000 "
        "IMDB reviews these figures can be compared with the literature: NBSVM-bi .9122 (Wang and Manning 2012), an "
        "LSTM from random initialisation .8650 (Dai and Le 2015).",
    ),
    "lstm_tuned": (
        "LSTM: tuned optimizers",
        "A fair comparison of the optimizers: each gets three learning rates, and the one with the lowest validation "
        "loss is kept. There is one seed. Its noise is taken from the variants with the same optimizer.",
    ),
    "gru_tuned": ("GRU: tuned optimizers", "The same with the GRU."),
}


@dataclass(frozen=True)
class Findings:
    """All that the report shows.

    Attributes:
        params: those of the study.
        extensions: those of the rest.
        catalogue: the variants and their tables.
        results: by variant.
        comparisons: of the rows.
        trials: the champion, its n-grams alone, and the champion but for one thing each, on the valid reviews: columns
            name, changes, valid_loss, valid_accuracy, and best_epoch, which is 0 for the n-grams.
        cpu_seconds: of a training, by variant, on the machine of the committed run; empty where it does not compare.
        test_share: how many of the reviews are test reviews.
    """

    params: Params
    extensions: Extensions
    catalogue: ExtendedCatalogue
    results: dict[str, Result]
    comparisons: list[RowComparison]
    trials: pd.DataFrame
    cpu_seconds: dict[str, float]
    test_share: float


def gather(
    params: Params,
    extensions: Extensions,
    catalogue: ExtendedCatalogue,
    results: dict[str, Result],
    trials: dict[str, tuple[dict[str, Any], pd.DataFrame]],
    cpu_seconds: dict[str, float],
    test_share: float,
) -> Findings:
    """Compare the rows.

    Args:
        params: those of the study.
        extensions: those of the rest.
        catalogue: the variants and their tables.
        results: by variant, those of the study too.
        trials: model.json and learning curves of the champion's trials, by the trial's name.
        cpu_seconds: by variant, of the committed run; left out where the reviews are others.
        test_share: how many of the reviews are test reviews.
    """
    tables = catalogue.study.tables | catalogue.tables
    return Findings(
        params=params,
        extensions=extensions,
        catalogue=catalogue,
        results=results,
        comparisons=compare_rows(_families(catalogue, results), tables, results, params.margin),
        trials=_trials(extensions, results["champion"], trials),
        cpu_seconds=cpu_seconds if params.dataset == "imdb" else {},
        test_share=test_share,
    )


def drawings(found: Findings) -> dict[str, Drawing]:
    """A figure for each study."""
    return study_drawings(found.catalogue.tables, found.results, {}, found.params.plots)


def report_context(found: Findings) -> dict[str, Any]:
    """What the template shows."""
    tables = found.catalogue.tables
    sections = study_sections(tables, found.results, found.comparisons, {}, found.cpu_seconds)
    return {
        "dataset": found.params.dataset,
        "params_text": as_yaml(found.extensions),
        "trained_on": trained_on({name: found.results[name] for name in evaluated(found.catalogue)}),
        "bags": [_bag_context(name, found) for name in BASELINES],
        "splits": _split_context(found) if found.extensions.split_seeds else None,
        "studies": [section | _title(section["name"]) for section in sections],
        "choices": _choice_rows(found),
        "champion_trials": _trial_rows(found.trials),
        "n_parts": len(found.trials) - 1,
    }


def evaluated(catalogue: ExtendedCatalogue) -> list[str]:
    """The variants that meet the test reviews and that the study does not have, bags of words included."""
    in_tables = [name for rows in catalogue.tables.values() for name in rows.values()]
    names = dict.fromkeys([*in_tables, *(name for name, one in catalogue.variants.items() if one.data == DATA)])
    return [name for name in names if name not in catalogue.study.variants]


def _title(study: str) -> dict[str, str]:
    title, text = TITLES.get(study, (study, ""))
    return {"title": title, "text": text}


def _families(catalogue: ExtendedCatalogue, results: dict[str, Result]) -> dict[str, list[Pair]]:
    """The comparisons that are made, by family.

    The rows of a study with each other, or within each cell; the champion with those beside it; the bags of words
    with each other and with every network of the study.
    """
    families = {study: pairs_within(study, list(rows)) for study, rows in catalogue.tables.items()}
    for study in WITHIN_CELL:
        rows = catalogue.tables[study]
        cells = {row: results[name].models[0]["hyperparameters"]["cell"] for row, name in rows.items()}
        families[study] = [
            (f"{study}.{first}", f"{study}.{second}")
            for first, second in combinations(rows, 2)
            if cells[first] == cells[second]
        ]
    families["champion"] = [pair for pair in families["champion"] if pair[0] == "champion.champion"]
    networks = [catalogue.study.rows_of(name)[0] for name in catalogue.study.variants if name != "experiment"]
    bags = [f"baselines.{name}" for name in BASELINES]
    families["baselines"] = [*combinations(bags, 2), *product(bags, networks)]
    return {family: pairs for family, pairs in families.items() if pairs}


def _trials(
    extensions: Extensions, champion: Result, trials: dict[str, tuple[dict[str, Any], pd.DataFrame]]
) -> pd.DataFrame:
    seed = extensions.seeds[0]
    valid = champion.curves[(champion.curves["split"] == "valid") & (champion.curves["seed"] == seed)]
    rows: list[tuple[str, dict[str, Any], int, pd.DataFrame]] = []
    model_of_seed = champion.models[champion.seeds.index(seed)]
    rows.append(("champion", {}, model_of_seed["best_epoch"], valid.set_index("epoch")))
    for name, (model, curves) in trials.items():
        by_epoch = curves.set_index("epoch").rename(columns={"valid_loss": "loss", "valid_accuracy": "accuracy"})
        rows.append((name, extensions.champion_trials.changes[name], model["best_epoch"], by_epoch))
    table = [
        {
            "name": name,
            "changes": changes,
            "best_epoch": epoch,
            "valid_loss": curves["loss"][epoch],
            "valid_accuracy": curves["accuracy"][epoch],
        }
        for name, changes, epoch, curves in rows
    ]
    if "ngrams_valid_loss" in champion.models[0]:
        figures = {key: champion.models[0][f"ngrams_{key}"] for key in ("valid_loss", "valid_accuracy")}
        table.append({"name": "its n-grams alone", "changes": {}, "best_epoch": 0, **figures})
    return pd.DataFrame(table)


def _bag_context(name: str, found: Findings) -> dict[str, Any]:
    """A bag of words: its accuracy, its costs, and of how many networks of the study it is above or below."""
    bags = {f"baselines.{row}" for row in found.catalogue.tables["baselines"]}
    pairs = [made for made in found.comparisons if made.family == "baselines" and made.first == f"baselines.{name}"]
    networks = [made for made in pairs if made.second not in bags]
    outcomes = [made.outcome for made in networks]
    seconds = found.cpu_seconds.get(name)
    return {
        "name": name,
        "accuracy": interval(found.results[name].accuracy),
        "minutes": "" if seconds is None else f"{seconds / 60:.1f}",
        "n": len(networks),
        "above": outcomes.count("more"),
        "below": outcomes.count("less"),
    }


def _split_context(found: Findings) -> dict[str, Any]:
    """The bases on several random splits, each with the first seed, and how far the figures spread."""
    first, seed = found.params.split_seed, found.extensions.seeds[0]
    bases = {cell: base_name(found.params, cell) for cell in found.params.study.grids["cell"]}
    accuracy: dict[str, dict[int, float]] = {}
    for cell, base in bases.items():
        of_study = found.results[base]
        accuracy[cell] = {first: float(of_study.answers.correct[of_study.seeds.index(seed)].mean())}
        for split in found.extensions.split_seeds:
            accuracy[cell][split] = found.results[f"split_seed-{split}/{cell}"].accuracy.mean
    table = pd.DataFrame(accuracy)
    sides = {cell: [found.results[base].correct] for cell, base in bases.items()}
    if len(bases) == 2:
        one, other = bases
        table[f"{other} minus {one}"] = table[other] - table[one]
        sides[f"{other} minus {one}"] = [found.results[base].correct for base in bases.values()]
    # two random splits share that part of their test reviews
    expected = {name: run_error(*rows, shared_reviews=found.test_share) for name, rows in sides.items()}
    spread, degrees = {name: float(table[name].std(ddof=1)) for name in expected}, len(table) - 1
    p_values = [float(stats.chi2.sf(degrees * (spread[name] / expected[name]) ** 2, degrees)) for name in expected]
    return {
        "columns": list(table),
        "rows": [(split, *(f"{value:.4f}" for value in row)) for split, *row in table.itertuples()],
        "spread": [f"{value:.4f}" for value in spread.values()],
        "expected": [f"{value:.4f}" for value in expected.values()],
        "p_values": [p_text(value) for value in p_values],
    }


def _choice_rows(found: Findings) -> list[dict[str, str]]:
    """For each run that was chosen on the valid reviews: what was tried, the chosen one in bold."""
    rows = []
    for name in evaluated(found.catalogue):
        for model in found.results[name].models:
            tried = [f"**{_trial(trial)}**" if trial["kept"] else _trial(trial) for trial in model.get("trials", [])]
            if tried:
                rows.append({"run": name, "tried": ", ".join(tried)})
    return rows


def _trial(trial: dict[str, Any]) -> str:
    tried = " ".join(f"{name} {value:g}" for name, value in trial.items() if name in ("lr", "C", "beta"))
    (found,) = (value for name, value in trial.items() if name in ("valid_loss", "valid_accuracy"))
    return f"{tried}: " + ("diverged" if found is None else f"{found:.4f}")


def _trial_rows(trials: pd.DataFrame) -> list[dict[str, str]]:
    """The champion and what of it was changed, the best first."""
    ordered = trials.sort_values("valid_accuracy", ascending=False, kind="stable")
    return [
        {
            "name": trial["name"],
            "changes": ", ".join(f"{name} {value}" for name, value in trial["changes"].items()),
            "accuracy": f"{trial['valid_accuracy']:.4f}",
            "loss": f"{trial['valid_loss']:.4f}",
            "epoch": f"{trial['best_epoch']:.0f}" if trial["best_epoch"] else "",
        }
        for trial in ordered.to_dict("records")
    ]
