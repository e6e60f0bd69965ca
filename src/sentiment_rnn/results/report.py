"""The report as a Markdown text and as a web page that needs no other file."""

import base64
import io
import math
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from ruamel.yaml import YAML
from statsmodels.stats.proportion import proportion_confint

from sentiment_rnn.params import Baseline, Params, stage_of
from sentiment_rnn.results.comparisons import Claim
from sentiment_rnn.results.findings import Findings
from sentiment_rnn.results.statistics import Estimate, estimate
from sentiment_rnn.results.studies import is_inside

MARKS = {"supported": "✔", "not supported": "○", "contradicted": "✘", "not tested": "?"}
N_EVIDENCE = 3  # statements shown beside a verdict; all are in a table below
OPTIMIZERS = "The base model of the {} with each optimizer at its own learning rate."
TEXTS = {
    "lstm_optimizers": ("LSTM: optimizers", OPTIMIZERS.format("LSTM")),
    "gru_optimizers": ("GRU: optimizers", OPTIMIZERS.format("GRU")),
    "n_layers": ("Recurrent layers", "The base model with more layers."),
    "hidden_dim": ("Hidden dimension", "The base model with wider hidden states."),
    "embedding_dim": (
        "Embedding dimension",
        "The base model with wider embeddings. The source gives one further result, {test_loss:.3f} in test loss and "
        "{test_accuracy:.3f} in accuracy, without its dimension.",
    ),
    "compound": ("Compound scaling", "More layers, hidden and embedding dimensions together."),
    "attention": (
        "Self-attention",
        "The self-attention layer of the source's theory part, which it does not train, in place of the recurrent one: "
        "unscaled scores, one head, a layer normalisation behind it.",
    ),
    "experiment": ("Experiment", "The variant at the top level of params.yaml, beside the base."),
    "baselines": (
        "Baselines",
        "The base of each cell beside bags of words on the same split: TF-IDF with logistic regression (tfidf), the "
        "NB-SVM of Wang and Manning (2012) on words and pairs of words. The valid reviews choose their "
        "hyperparameters, and the factor that makes log-odds of the SVM's scores. They read whole reviews with all "
        "words, where the networks read the first tokens without stop words. Each is fitted once: its interval is of "
        "the test reviews alone. Their CPU seconds are those of all fits.",
    ),
    "champion": (
        "The champion",
        "How far a network gets that is trained from scratch on the train reviews alone. As the project comes, it is a "
        "bidirectional GRU over all words of a review, with the mean and the maximum of its hidden states in place of "
        "the flattening, and embeddings that start from which words stand near each other; beside it in the same model "
        "a linear one of n-grams. That one is fitted first (logistic regression on naive-Bayes log-count ratios); "
        "the network learns what it leaves, beside its answers to reviews that it was not "
        "fitted on. Embeddings and n-grams start the same for every seed. Of the IMDB reviews, cross-validation on the "
        "train reviews chose the n-grams, the valid reviews all else.",
    ),
    "init": (
        "Initialisation",
        "The source does not state its own. *study*: Xavier for the embedding and the linear layer, orthogonal for the "
        "recurrent ones, zero biases; *pytorch*: PyTorch's defaults, whose embedding is drawn from N(0, 1).",
    ),
    "keep_epoch": (
        "The epoch that is kept",
        "*best*: the one with the lowest valid loss, as the source does; *last*: the last, whatever it came to. The "
        "course of a training is the same either way.",
    ),
    "stop_words": (
        "Stop words",
        "*drop*: all 179, as the source states; *literal*: what its code does, which looks a word up in the vocabulary "
        "before it asks whether it is a stop word, and tests before it lower-cases; *keep*: none is dropped.",
    ),
    "official_split": (
        "The corpus's own division",
        "The train and test reviews of the corpus's makers, a tenth of the train reviews being valid. On the 50,000 "
        "IMDB reviews these figures can be held against the literature's: NBSVM-bi .9122 (Wang and Manning 2012), an "
        "LSTM from random initialisation .8650 (Dai and Le 2015).",
    ),
    "random_split": ("A random division", "7:1:2, where all else here is the corpus's own division."),
    "lstm_tuned": (
        "LSTM: tuned optimizers",
        "The optimizers compared fairly: each has as many learning rates, of which the valid reviews choose.",
    ),
    "gru_tuned": ("GRU: tuned optimizers", "The same with the GRU."),
}

_templates = Environment(
    loader=PackageLoader("sentiment_rnn.results"),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def report_context(found: Findings) -> dict[str, Any]:
    """What the template shows."""
    return {
        "dataset": found.params.dataset,
        "params": found.params,
        "params_text": _as_yaml(found.params),
        "data": found.data,
        "source": found.source,
        "claims": [_claim_context(claim) for claim in found.claims],
        "verdicts": {verdict: sum(claim.verdict == verdict for claim in found.claims) for verdict in MARKS},
        "agreement": agreement(found),
        "models": _model_rows(found),
        "bags": _bag_context(found),
        "trained_on": sorted({_one_line(environment) for environment in found.runs["trained_on"]}),
        "studies": [_study_context(study, found) for study in found.rows],
        "cells": {"comparisons": _comparison_rows(found, "cells"), "added": _comparison_rows(found, "cells_added")},
        "duplicates": _duplicate_rows(found),
        "calibration": _calibration_rows(found),
        "errors": _error_context(found),
        "choices": _choice_rows(found),
        "champion_trials": _champion_trial_rows(found),
        "trace": _trace_rows(found),
    }


def markdown(context: dict[str, Any], image: Callable[[str], str]) -> str:
    """The report's text; `image` gives the address of a figure by its name."""
    return _templates.get_template("report.md.j2").render(context, image=image)


def page(context: dict[str, Any], images: dict[str, bytes]) -> str:
    """The same as a web page with the figures (PNG by name) in it."""
    body = MarkdownIt().enable("table").render(markdown(context, lambda name: f"{name}.png"))
    for name, image in images.items():  # behind the renderer, which would look at every character of them
        address = "data:image/png;base64," + base64.b64encode(image).decode("ascii")
        body = body.replace(f'src="{name}.png"', f'src="{address}"')
    return _templates.get_template("page.html.j2").render(body=body)


def agreement(found: Findings) -> list[dict[str, Any]]:
    """Every variant that has a published accuracy, and whether it lies in the interval of the reproduced one."""
    rows = {}
    for study, names in found.rows.items():
        for row, variant in names.items():
            source = found.published.get(study, {}).get(row)
            if source and variant not in rows:
                accuracy, published = found.results[variant].accuracy, source["test_accuracy"]
                name = study if study == row else f"{study} {row}"
                inside = is_inside(published, accuracy)
                rows[variant] = {
                    "name": name,
                    "accuracy": _interval(accuracy),
                    "published": published,
                    "inside": inside,
                }
    return list(rows.values())


def _claim_context(claim: Claim) -> dict[str, Any]:
    """The claim with the statements that decided it, the least certain one first: those refuted, undecided, or all."""
    decisive = {"contradicted": "refuted", "not supported": "undecided"}.get(claim.verdict, "holds")
    evidence = [part for part in claim.statements if part["outcome"] == decisive]
    evidence.sort(key=lambda part: -part["p_holm"])
    return {
        "name": claim.name,
        "says": claim.says,
        "mark": MARKS[claim.verdict],
        "verdict": claim.verdict,
        "evidence": [_evidence(part) for part in evidence[:N_EVIDENCE]],
        "n_more": len(evidence[N_EVIDENCE:]),
        "statements": [
            {**part, "difference": _difference(part), "p_holm": _p_value(part["p_holm"])} for part in claim.statements
        ],
    }


def _evidence(part: dict[str, Any]) -> str:
    (study, _, row), (other_study, _, other_row) = (part[side].partition(".") for side in ("first", "second"))
    if part["family"] == "bounds":
        pair = f"{row} of {study} vs {part['second']}"
    elif study == other_study:
        pair = f"{row} vs {other_row}"
    else:
        pair = f"{row}, {study} vs {other_study}"
    return f"{pair}: {_difference(part)}, p {_p_value(part['p_holm'])}"


def _model_rows(found: Findings) -> list[dict[str, str]]:
    """The summary's models: the champion's table, with what a training takes."""
    parameters = found.runs.groupby("variant")["n_parameters"].first()
    rows = []
    for row, variant in found.rows["champion"].items():
        seconds = found.cpu_seconds.get(variant)
        rows.append(
            {
                "name": row,
                "accuracy": _interval(found.results[variant].accuracy),
                "n": str(found.results[variant].accuracy.n),
                "n_reviews": f"{found.results[variant].accuracy.n_reviews:,}",
                "n_parameters": f"{parameters[variant]:,}",
                "cpu_seconds": f"{seconds:,.0f}" if seconds else "",
            }
        )
    return rows


def _bag_context(found: Findings) -> list[dict[str, Any]]:
    """For each baseline: of how many recurrent networks, and how many of them it is significantly above and below."""
    rows = []
    for name in get_args(Baseline):
        first = f"baselines.{name}"
        networks = [made for made in found.comparisons if made.family == "baselines" and made.first == first]
        networks = [made for made in networks if made.second.partition(".")[2] not in get_args(Baseline)]
        certain = [made.difference > 0 for made in networks if made.is_significant]
        rows.append({"name": name, "n": len(networks), "above": sum(certain), "below": len(certain) - sum(certain)})
    return rows


def _study_context(study: str, found: Findings) -> dict[str, Any]:
    title, text = TEXTS[study]
    published = found.published.get(study, {})
    unplaced, names = published.get("None"), found.rows[study]
    return {
        "name": study,
        "title": title,
        "text": text.format_map(unplaced) if unplaced else text.partition(" The source gives")[0],
        "published": bool(published),
        "rows": [_row_context(row, variant, found, published.get(row)) for row, variant in names.items()],
        "n_reviews": found.results[next(iter(names.values()))].accuracy.n_reviews,
        "has_curves": study in found.curves,
        "comparisons": _comparison_rows(found, study),
        "added": _comparison_rows(found, f"{study}_added"),
    }


def _row_context(row: str, variant: str, found: Findings, source: dict[str, Any] | None) -> dict[str, str]:
    result, runs = found.results[variant], found.runs[found.runs["variant"] == variant]
    context = {
        "name": row,
        "n": str(result.accuracy.n),
        "n_parameters": f"{runs['n_parameters'].iloc[0]:,}",
        "best_epoch": ", ".join(f"{epoch:.0f}" for epoch in runs["best_epoch"].dropna()),
    }
    for name, estimated in (("accuracy", result.accuracy), ("loss", result.loss)):
        context[name] = _interval(estimated)
        context[f"{name}_std"] = "" if estimated.std is None else f"{estimated.std:.4f}"
        context[f"published_{name}"] = _beside(source[f"test_{name}"], estimated) if source else ""
    return context


def _comparison_rows(found: Findings, family: str) -> list[dict[str, Any]]:
    rows = []
    for comparison in found.comparisons:
        if comparison.family == family:
            (study, _, row), (other_study, _, other_row) = (
                address.partition(".") for address in (comparison.first, comparison.second)
            )
            within = study == other_study
            rows.append(
                {
                    "pair": f"{row} vs {other_row}" if within else f"{comparison.first} vs {comparison.second}",
                    "difference": _difference(vars(comparison)),
                    "p_value": _p_value(comparison.p_value),
                    "p_holm": _p_value(comparison.p_holm),
                    "is_significant": comparison.is_significant,
                }
            )
    return rows


def _duplicate_rows(found: Findings) -> list[dict[str, str]]:
    """Accuracy of the summary's models on all test reviews, and on those that do and do not stand in train as well.

    So few are repeated, and so few of these are wrong, that their interval is Wilson's, of the reviews alone.
    """
    rows, n_repeated = [], int(found.also_in_train.sum())
    for row, variant in found.rows["champion"].items():
        correct = found.results[variant].answers.correct
        share = float(correct[:, found.also_in_train].mean()) if n_repeated else math.nan
        low, high = proportion_confint(share * n_repeated, n_repeated, method="wilson") if n_repeated else (0, 1)
        rows.append(
            {
                "name": row,
                "n": str(len(correct)),
                "all": _interval(estimate(correct)),
                "new": _interval(estimate(correct[:, ~found.also_in_train])),
                "repeated": f"{share:.3f} [{low:.3f}, {high:.3f}]" if n_repeated else "",
            }
        )
    return rows


def _calibration_rows(found: Findings) -> list[dict[str, str]]:
    rows = []
    for row, calibration in found.calibrations.items():
        errors, (low, high) = calibration.errors, calibration.by_chance
        rows.append(
            {
                "name": row,
                "error": f"{errors.mean():.4f}",
                "std": f"{errors.std(ddof=1):.4f}" if len(errors) > 1 else "",
                "n": str(len(errors)),
                "by_chance": f"{low:.4f} to {high:.4f}",
                "loss": _interval(found.results[found.rows["champion"][row]].loss),
            }
        )
    return rows


def _error_context(found: Findings) -> dict[str, Any]:
    """The reviews that every run gets wrong, the ones first of which the runs are surest."""
    shared = np.flatnonzero(found.n_wrong == found.n_sharing)
    variants = list(found.rows["champion"].values())
    probability = np.concatenate([found.results[variant].answers.probability for variant in variants]).mean(axis=0)
    labels = found.results[variants[0]].answers.labels
    surest = shared[np.argsort(-np.abs(probability[shared] - 0.5), kind="stable")][:10]
    return {
        "n_shared": len(shared),
        "n_runs": found.n_sharing,
        "n_reviews": len(labels),
        "n_never": int((found.n_wrong == 0).sum()),
        "n_positive": int((labels[shared] == 1).sum()),
        "surest": [
            {
                "row": str(place),
                "label": "positive" if labels[place] else "negative",
                "probability": f"{probability[place]:.3f}",
            }
            for place in surest
        ],
    }


def _trace_rows(found: Findings) -> list[dict[str, str]]:
    """Where each variant's figures come from: its rows, and the files of its runs."""
    standing: dict[str, list[str]] = {}
    for study, names in found.rows.items():
        for row, variant in names.items():
            standing.setdefault(variant, []).append(f"{study}.{row}")
    return [
        {
            "variant": variant,
            "rows": ", ".join(names),
            "runs": ", ".join(found.folders[variant]),
            "stages": ", ".join(map(stage_of, found.folders[variant])),
            "hyperparameters": "; ".join(
                dict.fromkeys(
                    _hyperparameters(run) for _, run in found.runs[found.runs["variant"] == variant].iterrows()
                )
            ),
        }
        for variant, names in standing.items()
    ]


def _choice_rows(found: Findings) -> list[dict[str, str]]:
    """For each run that was chosen on the valid reviews: what was tried, the chosen one in bold."""
    rows = []
    for _, run in found.runs.iterrows():
        if isinstance(run.get("trials"), list):
            tried = [f"**{_trial(trial)}**" if trial["kept"] else _trial(trial) for trial in run["trials"]]
            rows.append({"run": run["run"], "tried": ", ".join(tried)})
    return rows


def _champion_trial_rows(found: Findings) -> list[dict[str, str]]:
    """The champion and what of it was changed, the best first."""
    trials = found.champion_trials.sort_values("valid_accuracy", ascending=False, kind="stable")
    return [
        {
            "name": trial["name"],
            "changes": ", ".join(f"{name} {value}" for name, value in trial["changes"].items()),
            "accuracy": f"{trial['valid_accuracy']:.4f}",
            "loss": f"{trial['valid_loss']:.4f}",
            "epoch": f"{trial['best_epoch']:.0f}" if trial["best_epoch"] else "",
        }
        for trial in trials.to_dict("records")
    ]


def _trial(trial: dict[str, Any]) -> str:
    tried = " ".join(f"{name} {value:g}" for name, value in trial.items() if name in ("lr", "C", "beta"))
    (found,) = (value for name, value in trial.items() if name in ("valid_loss", "valid_accuracy"))
    return f"{tried}: " + ("diverged" if found is None else f"{found:.4f}")


def _hyperparameters(run: "pd.Series[Any]") -> str:
    if isinstance(run.get("baseline"), str):
        (kept,) = (trial for trial in run["trials"] if trial["kept"])
        values = {name: value for name, value in kept.items() if name in ("C", "beta")}
    else:
        values = run["hyperparameters"] | {"init": run["init"], "stop_words": run["stop_words"]}
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _as_yaml(params: Params) -> str:
    stream = io.StringIO()
    YAML().dump(params.model_dump(), stream)
    return stream.getvalue()


def _interval(found: Estimate) -> str:
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _difference(comparison: dict[str, Any]) -> str:
    return f"{comparison['difference']:+.4f} [{comparison['low']:+.4f}, {comparison['high']:+.4f}]"


def _p_value(p_value: float) -> str:
    return "< 0.0001" if p_value < 0.0001 else f"{p_value:.4f}"


def _beside(published: float, found: Estimate) -> str:
    return f"{published:.3f}" if is_inside(published, found) else f"**{published:.3f}** outside"


def _one_line(environment: dict[str, Any]) -> str:
    library = "{threads} thread, PyTorch {torch}" if "torch" in environment else "scikit-learn {scikit-learn}"
    return ("{device}, " + library + ", Python {python}").format_map(environment)
