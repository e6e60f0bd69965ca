"""The variants beyond the study, and the tables in which they stand beside those of the study."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schema import Baselines, Champion, Extensions, load_extensions

from sentiment_rnn.study.params import Hyperparameters, Optimizer, Params, ParamsError, Protocol, load_params
from sentiment_rnn.study.variants import Catalogue, Rows, Variant, base_name, study_catalogue

DATA = Path("data/extensions")
TRIALS = DATA / "trials"  # of the models that meet no test review
PACKED = Path("src/sentiment_rnn/pretrained/champion")  # comes with the package
BASELINES = tuple(Baselines.model_fields)


@dataclass(frozen=True)
class ExtendedCatalogue(Catalogue):
    """The variants beyond the study.

    Attributes:
        study: the variants of the study, which stand in some of the tables.
        candidates: those from which the valid reviews choose, by the variant that is chosen: first the one at its
            optimizer's own rate.
        trials: the champion but for one thing each, by the name of the trial.
    """

    study: Catalogue
    candidates: dict[str, list[Variant]]
    trials: dict[str, Variant]

    def evaluations(self, name: str) -> Path:
        """Folder of the evaluations of a variant in the tables, a bag of words included."""
        found = self.variants.get(name) or self.study.variants.get(name)
        return found.evaluations if found else DATA / "evaluations" / name


def load_extended_catalogue() -> ExtendedCatalogue:
    """From both files of parameters.

    Raises:
        ParamsError: one of them holds something that the pipeline cannot work with; the message names the key.
    """
    return extended_catalogue(load_params(), load_extensions())


def extended_catalogue(params: Params, extensions: Extensions) -> ExtendedCatalogue:
    """All variants beyond the study.

    Raises:
        ParamsError: a value is what the study has anyway; the message names the key.
    """
    _check_that_all_is_new(params, extensions)
    study = study_catalogue(params)
    builder = _Builder(params, extensions)
    cells = params.study.grids["cell"]
    bases = {cell: base_name(params, cell) for cell in cells}
    beside = bases | {name: name for name in BASELINES}
    tables: Rows = {"baselines": beside, "champion": {"champion": builder.champion()} | beside}

    momentum = {cell: builder.rated(f"momentum/{cell}", cell, "momentum") for cell in cells}
    tables["momentum"] = {}
    for cell in cells:
        tables["momentum"] |= {f"{cell}-{params.study.base.optimizer}": bases[cell], f"{cell}-momentum": momentum[cell]}
    tables["attention"] = {"base": base_name(params), "attention": builder.attention()}
    for setting, values in extensions.protocol:
        tables[setting] = {}
        for cell in cells:
            tables[setting][f"{cell}-{getattr(params, setting)}"] = bases[cell]
            tables[setting] |= {f"{cell}-{value}": builder.setting(setting, value, cell) for value in values}
    for split in extensions.splits:
        table = {cell: builder.split(f"split-{split}", cell, extensions.seeds) for cell in cells}
        tables[f"{split}_split"] = table | {name: f"split-{split}-{name}" for name in BASELINES}
    for seed in extensions.split_seeds:
        for cell in cells:
            builder.split(f"split_seed-{seed}", cell, builder.extensions.seeds[:1])
    trials = {name: builder.champion_trial(name) for name in extensions.champion_trials.names}
    candidates: dict[str, list[Variant]] = {}
    for cell in cells:
        tables[f"{cell}_tuned"] = {}
        for optimizer in tuned_optimizers(params):
            name = builder.rated(f"tuned/{cell}/{optimizer}", cell, optimizer, seeds=extensions.tuning.seeds)
            at_own_rate = momentum[cell] if optimizer == "momentum" else f"{cell}-{optimizer}"
            found = builder.variants.get(at_own_rate) or study.find(at_own_rate)
            candidates[name] = [found, *builder.tuning(cell, optimizer)]
            tables[f"{cell}_tuned"][optimizer] = name
    return ExtendedCatalogue(builder.variants, tables, study, candidates, trials)


def tuned_optimizers(params: Params) -> list[Optimizer]:
    """Those of the study, and momentum."""
    return [*params.study.grids["optimizer"], "momentum"]


def _check_that_all_is_new(params: Params, extensions: Extensions) -> None:
    for setting, values in extensions.protocol:
        own = getattr(params, setting)
        if own in values:
            raise ParamsError(f"extensions.protocol.{setting}: {own} is what params.yaml itself says; take it out here")
    for key, seeds in (("tuning.seeds", extensions.tuning.seeds), ("seeds", extensions.seeds[:1])):
        if missing := [seed for seed in seeds if seed not in params.seeds]:
            raise ParamsError(f"extensions.{key}: {missing[0]} is not among the seeds of params.yaml")
    if params.split_seed in extensions.split_seeds:
        raise ParamsError(f"extensions.split_seeds: {params.split_seed} is what params.yaml itself says")
    own_rates = params.study.learning_rates | {"momentum": extensions.momentum_lr}
    for optimizer in tuned_optimizers(params):
        rates = [own_rates[optimizer]]
        for trial in extensions.tuning.trials:
            if optimizer not in extensions.tuning.learning_rates.get(trial, {}):
                raise ParamsError(f"extensions.tuning.learning_rates.{trial}: no learning rate for {optimizer}")
            rates.append(extensions.tuning.learning_rates[trial][optimizer])
        if len(set(rates)) < len(rates):
            raise ParamsError(
                f"extensions.tuning.learning_rates: {optimizer} has {rates}, its own first; each must be another"
            )


class _Builder:
    """Makes the variants, one kind after the other."""

    def __init__(self, params: Params, extensions: Extensions) -> None:
        self.params, self.extensions = params, extensions
        self.variants: dict[str, Variant] = {}

    def rated(self, name: str, cell: str, optimizer: str, lr: float | None = None, **others: Any) -> str:
        """The base with another optimizer, at its own learning rate or at another one."""
        if lr is None and optimizer == "momentum":
            lr = self.extensions.momentum_lr
        changes = {"cell": cell, "optimizer": optimizer} | ({} if lr is None else {"lr": lr})
        return self._add(name, self.params.study.around_base(changes), **others)

    def attention(self) -> str:
        changes = {"cell": "attention", "n_layers": 1, "bidirectional": False}
        return self._add("attention", self.params.study.around_base(changes | self.extensions.attention.model_dump()))

    def setting(self, setting: str, value: str, cell: str) -> str:
        protocol = self.params.protocol.model_copy(update={setting: value})
        encoded = DATA / "encoded" / f"stop_words-{value}" if setting == "stop_words" else Path("data/encoded")
        name = f"{setting}-{value}/{cell}"
        return self._add(name, self.params.study.around_base({"cell": cell}), protocol, encoded=encoded)

    def split(self, split: str, cell: str, seeds: list[int]) -> str:
        hyperparameters = self.params.study.around_base({"cell": cell})
        return self._add(f"{split}/{cell}", hyperparameters, seeds=seeds, encoded=DATA / "encoded" / split)

    def champion(self) -> str:
        return self._champion("champion", self.extensions.champion)

    def champion_trial(self, trial: str) -> Variant:
        changed = self.extensions.champion_trial(trial)
        name = self._champion(f"champion_trials/{trial}", changed, seeds=self.extensions.seeds[:1], data=TRIALS)
        return self.variants[name]

    def tuning(self, cell: str, optimizer: Optimizer) -> list[Variant]:
        """The trials at other rates than the optimizer's own."""
        tuning = self.extensions.tuning
        rates = {trial: tuning.learning_rates[trial][optimizer] for trial in tuning.trials}
        names = [
            self.rated(f"tuning/{cell}/{optimizer}/{trial}", cell, optimizer, rate, seeds=tuning.seeds, data=TRIALS)
            for trial, rate in rates.items()
        ]
        return [self.variants[name] for name in names]

    def _champion(self, name: str, champion: Champion, **others: Any) -> str:
        own = {key: getattr(champion, key) for key in Protocol.model_fields if key in Champion.model_fields}
        hyperparameters = Hyperparameters(**{key: getattr(champion, key) for key in Hyperparameters.model_fields})
        protocol = self.params.protocol.model_copy(update=own)
        return self._add(name, hyperparameters, protocol, encoded=DATA / "encoded" / "champion", **others)

    def _add(self, name: str, hyperparameters: Hyperparameters, protocol: Protocol | None = None, **others: Any) -> str:
        seeds = tuple(others.pop("seeds", self.extensions.seeds))
        others = {"data": DATA} | others
        self.variants[name] = Variant(name, hyperparameters, protocol or self.params.protocol, seeds, **others)
        return name
