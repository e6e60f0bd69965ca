"""The champion for the package: the seed that the valid reviews choose, its weights in half precision."""

import shutil

import numpy as np
from catalogue import PACKED, load_extended_catalogue
from safetensors.numpy import load_file, save_file

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.model_json import read_description
from sentiment_rnn.models.store import valid_accuracy

COPIED = ("vocabulary.txt", "model.json", "curves.csv")


def main() -> None:
    champion = load_extended_catalogue().find("champion")
    folders = [champion.models / str(seed) for seed in champion.seeds]
    model = max(folders, key=lambda folder: valid_accuracy(folder, read_description(folder)))
    evaluation = champion.evaluations / model.name
    PACKED.mkdir(parents=True, exist_ok=True)
    weights = load_file(model / "weights.safetensors")
    save_file({name: weight.astype(np.float16) for name, weight in weights.items()}, PACKED / "weights.safetensors")
    for name in COPIED:
        shutil.copyfile(model / name, PACKED / name)
    shutil.copyfile(evaluation / "metrics.json", PACKED / "metrics.json")  # of the model before it was rounded
    n_bytes = sum(file.stat().st_size for file in PACKED.iterdir())
    print(f"{PACKED}: champion/{model.name}, {n_bytes / 1e6:.1f} MB")


if __name__ == "__main__":
    exit_on_error(main)
