"""What the study says to somebody who has to choose an optimizer, a cell, a width and a depth."""

from sentiment_rnn.report.claims import listed
from sentiment_rnn.report.comparisons import RowComparison
from sentiment_rnn.report.findings import Findings
from sentiment_rnn.study.variants import base_name

OPTIMIZERS = {"sgd": "SGD", "momentum": "momentum", "adagrad": "Adagrad", "rmsprop": "RMSProp", "adam": "Adam"}


def takeaways(found: Findings) -> dict[str, str]:
    """A sentence or two for each choice."""
    cells = {"Cell": _cell(found)} if len(found.params.study.grids["cell"]) == 2 else {}
    return {"Optimizer": _optimizer(found)} | cells | {"Width and depth": _size(found)}


def _optimizer(found: Findings) -> str:
    """Which are best with each cell, and how far the others are behind."""
    sentences = []
    for cell in found.params.study.grids["cell"]:
        study = f"{cell}_optimizers"
        accuracy = {row: found.results[name].accuracy.mean for row, name in found.catalogue.tables[study].items()}
        best, *others = sorted(accuracy, key=lambda row: -accuracy[row])
        outcomes = {row: found.by_pair[f"{study}.{best}", f"{study}.{row}"].outcome for row in others}
        top = [best, *(row for row in others if outcomes[row] == "no difference")]
        best_ones = listed([f"{OPTIMIZERS[row]} ({accuracy[row]:.1%})" for row in top], "and")
        behind = [
            f"{OPTIMIZERS[row]} was {100 * (accuracy[best] - accuracy[row]):.1f} points below {OPTIMIZERS[best]}"
            + (" (undecided)" if outcomes[row] == "undecided" else "")
            for row in others
            if row not in top
        ]
        sentences.append(f"With the {cell.upper()}, {'; '.join([f'{best_ones} did best', *behind])}.")
    return " ".join(sentences)


def _cell(found: Findings) -> str:
    """Whether the two differ, and what each costs."""
    bases = {cell.upper(): base_name(found.params, cell) for cell in found.params.study.grids["cell"]}
    first, second = bases
    one = found.by_pair[tuple(found.catalogue.rows_of(name)[0] for name in bases.values())]  # type: ignore[index]
    verdict = {
        "no difference": "are equally accurate within the margin",
        "undecided": "may or may not be equally accurate",
        "more": f"differ, and the {first} is better",
        "less": f"differ, and the {second} is better",
    }[one.outcome]
    costs = ". ".join(f"The {cell} {_cost(found, name)}" for cell, name in bases.items())
    optimizer = OPTIMIZERS[found.params.study.base.optimizer]
    extent = f"between {100 * one.low:+.1f} and {100 * one.high:+.1f} points"
    return f"With {optimizer}, {first} and {second} {verdict}: {first} minus {second} is {extent}. {costs}."


def _size(found: Findings) -> str:
    """Whether a wider or deeper variant than the base is worth what it costs."""
    base = base_name(found.params)
    compared: dict[str, RowComparison] = {}
    for study in (*found.params.study.axes, "compound"):
        rows = {name: f"{study}.{row}" for row, name in found.catalogue.tables[study].items()}
        compared |= {name: found.by_pair[row, rows[base]] for name, row in rows.items() if name != base}
    words = {"no difference": "did as well as the base, within the margin", "more": "did better", "less": "did worse"}
    words |= {"undecided": "remained undecided"}
    outcomes = [one.outcome for one in compared.values()]
    counts = [f"{outcomes.count(outcome)} {text}" for outcome, text in words.items() if outcome in outcomes]
    low, high = min(one.low for one in compared.values()), max(one.high for one in compared.values())
    largest = max(compared, key=lambda name: found.results[name].n_parameters)
    return (
        f"Of {len(compared)} other variants {'; '.join(counts)}. All differences are between {100 * low:+.2f} and "
        f"{100 * high:+.2f} points. The base {_cost(found, base)}. The variant {largest} {_cost(found, largest)}."
    )


def _cost(found: Findings, variant: str) -> str:
    seconds = found.cpu_seconds.get(variant)
    takes = "" if seconds is None else f" and takes {seconds / 60:.1f} CPU minutes to train"
    return f"has {found.results[variant].n_parameters:,} parameters{takes}"
