"""Trained models asked for their answers: the answers of the pipeline, and explanations that add up to them."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from conftest import Scratch, hyperparameters
from safetensors.torch import load_file, save_file
from torch.nn.utils.rnn import pad_sequence

import sentiment_rnn
from sentiment_rnn.cli.export import export_onnx
from sentiment_rnn.model_json import FORMAT, ModelFolderError, read_metadata, write_metadata
from sentiment_rnn.models.bag_of_words import BagOfWords, ngrams
from sentiment_rnn.models.classifier import Classifier, Contribution, Explanation, Prediction
from sentiment_rnn.models.ensemble import Ensemble
from sentiment_rnn.models.registry import REPOSITORY, ModelNotFoundError, find, project_root, trained_models
from sentiment_rnn.models.trained_rnn import TrainedRNN
from sentiment_rnn.network.model import build_model

TEXTS = [
    "A fine film<br />and a GOOD plot, not a dull end.",
    "good",
    "good film",
    "nothing known here: xyzzy",
    "",
    "\u0130stanbul caf\u00e9 good \U0001f600 film",
    "good dull film plot " * 20,
    "Caf\u00e9s are <b>good</b>: 10 of 10",
]
WORDS = ["good", "dull", "film", "plot", "end", "fine", "not"]
ARCHITECTURES = [("lstm", 1, False), ("gru", 1, False), ("lstm", 1, True), ("gru", 3, True), ("gru", 2, False)]
ARCHITECTURES += [("attention", 1, False)]


def network(
    cell: str, n_layers: int, bidirectional: bool, stop_words: str = "drop", *, html_only: bool = False
) -> TrainedRNN:
    settings = hyperparameters(
        cell=cell, n_layers=n_layers, bidirectional=bidirectional, embedding_dim=3, hidden_dim=5, init="pytorch"
    )
    model = build_model(settings, len(WORDS) + 2, 16, seed=1).eval()
    return TrainedRNN(model, ["<pad>", "<unk>", *WORDS], stop_words, 16, html_only=html_only)


def bag() -> BagOfWords:
    vocabulary = sorted([*WORDS, "a fine", "fine film", "not a"])
    return BagOfWords(vocabulary, np.random.default_rng(0).normal(size=len(vocabulary)), 0.25)


NETWORKS = {f"{cell} {n} {both}": network(cell, n, both) for cell, n, both in ARCHITECTURES}
CLASSIFIERS = NETWORKS | {"keep": network("lstm", 1, False, "keep"), "source": network("gru", 1, False, "source")}
CLASSIFIERS |= {"html only": network("gru", 1, False, "source", html_only=True), "nbsvm": bag()}
CLASSIFIERS |= {"ensemble": Ensemble({"nbsvm": bag(), "gru": CLASSIFIERS["source"]}, {"nbsvm": 1.0, "gru": 0.5})}


@pytest.mark.parametrize("classifier", CLASSIFIERS.values(), ids=CLASSIFIERS)
@pytest.mark.parametrize("text", TEXTS)
def test_contributions_add_up_to_the_log_odds(classifier: Classifier, text: str):
    explanation = classifier.explain(text)
    assert explanation.log_odds == pytest.approx(classifier.log_odds([text])[0], abs=1e-5)
    assert explanation.prediction.label == classifier.predict([text])[0].label
    assert "".join(piece for piece, _ in explanation.segments()) == text
    read = [piece for piece, value in explanation.segments() if value is not None]
    assert all(piece.replace("<br />", "").isalnum() for piece in read)  # the source's reading joins words there


def test_contribution_is_that_of_the_state_at_its_place():
    """Without the linear layer's weights of a position, the word there adds nothing, and the others the same."""
    classifier = network("gru", 2, False)
    before = classifier.explain(TEXTS[0])
    with torch.no_grad():
        classifier.model.linear.weight.view(2, 16, 5)[:, 1] = 0
    after = classifier.explain(TEXTS[0])
    assert before.contributions[1].value != 0
    assert after.contributions[1].value == 0
    assert [c for c in after.contributions if c.value] == [
        c for c in before.contributions if c is not before.contributions[1]
    ]


@pytest.mark.parametrize("classifier", [network("lstm", 1, False), bag()])
def test_unknown_words_are_told(classifier: Classifier):
    assert classifier.explain("Good Wibble, wobble wibble film").unknown_words == ["wibble", "wobble"]
    assert classifier.explain("").unknown_words == []


def test_words_behind_max_length_are_not_read():
    classifier = network("lstm", 1, False)
    assert len(classifier.explain("good " * 40).contributions) == 16
    assert classifier.log_odds(["good " * 16]) == classifier.log_odds(["good " * 16 + "dull"])


def test_pairs_are_shared_by_their_words():
    """By hand: a word and a pair, each once."""
    weights = np.array([1.0, 0.5])
    model = BagOfWords(["good", "good film"], weights, 0.0)
    assert [part.value for part in model.explain("good film").contributions] == [1.25, 0.25]
    # binary: twice the same word counts once, half at either place
    assert [part.value for part in model.explain("good, good").contributions] == [0.5, 0.5]


def test_prediction_and_segments_by_hand():
    assert Prediction.from_scores(0.0, True, 0).label == "negative"
    assert Prediction.from_scores(np.log(3), True, 2) == Prediction("positive", pytest.approx(0.75), True, 2)
    explanation = Explanation("So good!", [Contribution(3, 7, 1.5, True)], -0.5)
    assert explanation.segments() == [("So ", None), ("good", 1.5), ("!", None)]
    assert explanation.log_odds == 1.0
    with pytest.raises(TypeError, match="a list of texts"):
        network("lstm", 1, False).predict("one text")


@pytest.mark.parametrize("name", ["lstm-adam", "compound"])
def test_predictions_are_those_of_the_evaluation(name: str, finished: Scratch):
    model = sentiment_rnn.load(finished.folder / "data/models" / name / "0")
    reviews = pd.read_csv(finished.folder / "data/split/test.csv", keep_default_na=False)["review"]
    predicted = pd.read_csv(finished.folder / "results" / name / "0/predictions.csv")
    np.testing.assert_allclose(model.log_odds(reviews.tolist()), predicted["log_odds"], rtol=5e-4, atol=1e-5)


def test_weights_in_half_precision_are_read(finished: Scratch, tmp_path: Path):
    """In memory they are numbers of single precision again."""
    copy = shutil.copytree(finished.folder / "data/models/compound/0", tmp_path / "0")
    before, weights = sentiment_rnn.load(copy).log_odds(TEXTS), copy / "weights.safetensors"
    save_file({name: weight.half() for name, weight in load_file(weights).items()}, weights)
    sign(copy)
    after = sentiment_rnn.load(copy).log_odds(TEXTS)
    np.testing.assert_allclose(after, before, rtol=0.01, atol=0.001)
    assert (after != before).any()
    save_file({name: weight.double() for name, weight in load_file(weights).items()}, weights)
    sign(copy)
    with pytest.raises(ModelFolderError, match=r"torch\.float64"):
        sentiment_rnn.load(copy)


def sign(folder: Path, **changes: object) -> None:
    """Have model.json describe the files that are there now."""
    metadata = read_metadata(folder) | changes
    write_metadata(folder, **{name: value for name, value in metadata.items() if name not in ("format", "sha256")})


def test_models_by_name(finished: Scratch, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(finished.folder)
    models, damaged = trained_models()
    assert not damaged
    names = ("lstm-adam", "compound", "experiment", "n_layers-2", "nbsvm")
    assert {f"{name}/0" for name in names} == {m.name for m in models}
    assert [model.validation_accuracy for model in models] == sorted(
        (m.validation_accuracy for m in models), reverse=True
    )
    assert find(None) == models[0]
    assert find("lstm-adam") == find("lstm-adam/0")
    by_name = {model.name: model for model in models}
    metrics = json.loads(Path("results/lstm-adam/0/metrics.json").read_text())
    assert by_name["lstm-adam/0"].test_accuracy == metrics["test_accuracy"]
    assert isinstance(sentiment_rnn.load("n_layers-2"), TrainedRNN)
    assert isinstance(sentiment_rnn.load("nbsvm"), BagOfWords)


def test_a_name_takes_the_seed_that_is_best_on_validation_and_other_splits_never_win(
    finished: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    models = tmp_path / "data/models"
    trained = [("gru-adam/0", 0.7, "a"), ("gru-adam/1", 0.8, "a"), ("split-official/gru/0", 0.9, "b")]
    for name, accuracy, valid_reviews in trained:
        shutil.copytree(finished.folder / "data/models/lstm-adam/0", models / name)
        curves = pd.read_csv(models / name / "curves.csv")
        curves.assign(valid_accuracy=accuracy).to_csv(models / name / "curves.csv", index=False)
        sign(models / name, validation_reviews=valid_reviews, variant=name.rpartition("/")[0])
    monkeypatch.chdir(tmp_path)
    assert find("gru-adam").name == find(None).name == "gru-adam/1"
    assert trained_models()[0][0].name == "split-official/gru/0"


def test_models_are_looked_for_in_a_project_or_else_in_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()  # of something else
    assert project_root() == REPOSITORY
    Path("data/models").mkdir()
    assert project_root() == Path()


def test_missing_model_says_what_makes_it(finished: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    clone = finished.copy(tmp_path / "clone")
    monkeypatch.chdir(clone.folder)
    shutil.rmtree("data/models/compound")
    with pytest.raises(ModelNotFoundError, match="'compound': `dvc repro train_compound@compound` trains it"):
        sentiment_rnn.load("compound")
    with pytest.raises(ModelNotFoundError, match="'lstm-adam/7': there are lstm-adam/0"):  # no such seed in params.yaml
        sentiment_rnn.load("lstm-adam/7")
    with pytest.raises(ModelNotFoundError, match="'nope': `sentiment models` lists"):
        sentiment_rnn.load("nope")
    with pytest.raises(ModelNotFoundError, match=r"data/models/lstm-adam: no model\.json there"):
        sentiment_rnn.load("data/models/lstm-adam")
    Path("results/lstm-adam/0/metrics.json").write_text("{")
    assert find("lstm-adam").test_accuracy is None
    Path("data/models/lstm-adam/0/curves.csv").write_text("epoch\n")
    assert "lstm-adam/0" in trained_models()[1]
    with pytest.raises(ModelFolderError, match="data/models/lstm-adam/0: a damaged model"):
        find("lstm-adam/0")
    shutil.rmtree("data")
    Path("data").mkdir()
    with pytest.raises(ModelNotFoundError, match="no trained model below data: `make demo`"):
        sentiment_rnn.load()


@pytest.mark.parametrize("name", ["models/lstm-adam/0", "extensions/models/nbsvm/0"])
def test_damaged_folder_is_named(name: str, finished: Scratch, tmp_path: Path):
    for file, content, message in [
        ("weights.safetensors", b"no tensors", "a damaged model"),
        ("model.json", b"{", "no model there, or a damaged one"),
        ("model.json", b'{"format": 99}', "its format is 99; this version reads 2"),
        ("vocabulary.txt", b"too\nfew\n", "vocabulary.txt is not the file that model.json describes"),
        ("vocabulary.txt", b"\xff\xfe", "damaged|cannot be read"),
    ]:
        shutil.copytree(finished.folder / "data" / name, tmp_path, dirs_exist_ok=True)
        (tmp_path / file).write_bytes(content)
        with pytest.raises(ModelFolderError, match=message):
            sentiment_rnn.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "key"), [("models/lstm-adam/0", "stop_words"), ("extensions/models/nbsvm/0", "baseline")]
)
def test_unknown_setting_is_no_guess(name: str, key: str, finished: Scratch, tmp_path: Path):
    shutil.copytree(finished.folder / "data" / name, tmp_path, dirs_exist_ok=True)
    description = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(description | {key: "Keep"}))
    with pytest.raises(ModelFolderError, match="'Keep', which is unknown"):
        sentiment_rnn.load(tmp_path)


@pytest.mark.parametrize("classifier", NETWORKS.values(), ids=NETWORKS)
def test_onnx_graph_of_a_network(classifier: TrainedRNN, tmp_path: Path):
    export_onnx(classifier, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    reviews = [torch.randint(1, len(WORDS) + 2, (length,)) for length in (16, 9, 2, 1)]
    for batch in (reviews, reviews[1:], reviews[3:]):
        lengths = np.array([len(review) for review in batch])
        with torch.inference_mode():
            logits = classifier.model(pad_sequence(batch, batch_first=True), torch.from_numpy(lengths)).numpy()
        padded = np.full((len(batch), len(batch[0])), 1)  # after a review any id may follow
        for row, review in zip(padded, batch, strict=True):
            row[: len(review)] = review
        for order in (slice(None), slice(None, None, -1)):
            (log_odds,) = session.run(None, {"tokens": padded[order], "lengths": lengths[order]})
            np.testing.assert_allclose(log_odds, (logits[:, 1] - logits[:, 0])[order], atol=1e-5)


def test_onnx_graph_of_an_ensemble(tmp_path: Path):
    ensemble = CLASSIFIERS["ensemble"]
    nbsvm, gru = ensemble.members.values()
    assert export_onnx(ensemble, tmp_path / "model.onnx") == {
        "nbsvm.features": ["batch", "n"],
        "gru.tokens": ["batch", "time"],
        "gru.lengths": ["batch"],
    }
    words = [WORDS[0], WORDS[1]]
    known = [feature for feature in ngrams(" ".join(words)) if feature in nbsvm.vocabulary]
    feed = {
        "nbsvm.features": np.array([[*map(nbsvm.vocabulary.index, known), len(nbsvm.vocabulary)]]),
        "gru.tokens": np.array([[gru.vocabulary.index(word) for word in words]]),
        "gru.lengths": np.array([2]),
    }
    (log_odds,) = onnxruntime.InferenceSession(tmp_path / "model.onnx").run(None, feed)
    np.testing.assert_allclose(log_odds, ensemble.log_odds([" ".join(words)]), atol=1e-5)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, "a damaged model: ensemble {}"),
        ([1.0], "a damaged model: ensemble"),
        ({"nbsvm": "1"}, "a damaged model: ensemble"),
        ({"itself": 1.0}, "'itself' cannot be a member"),
        ({"../x": 1.0}, "'../x' cannot be a member"),
        ({"": 1.0}, "no model there"),
        ({"nbsvm": 1.0}, "nbsvm: no model there"),
    ],
)
def test_ensemble_that_is_damaged(weights: object, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "itself"
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps({"format": FORMAT, "ensemble": weights}))
    monkeypatch.chdir(folder)
    with pytest.raises(ModelFolderError, match=message):
        sentiment_rnn.load(".")


@pytest.mark.parametrize("key", ["variant", "validation_reviews", "n_parameters", "best_epoch"])
def test_model_whose_metadata_lack_a_key_is_left_out(
    key: str, finished: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "data/models/compound/0"
    shutil.copytree(finished.folder / "data/models/compound/0", folder)
    metadata = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({name: metadata[name] for name in metadata if name != key}))
    monkeypatch.chdir(tmp_path)
    models, damaged = trained_models()
    assert (models, list(damaged)) == ([], ["compound/0"])


def test_what_a_kill_left_is_no_model(finished: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    clone = finished.copy(tmp_path / "clone")
    models = clone.folder / "data/models"
    shutil.copytree(models / "compound", models / ".compound.unfinished")
    monkeypatch.chdir(clone.folder)
    assert not [model.name for model in trained_models()[0] if model.name.startswith(".")]


def test_test_accuracy_is_that_of_this_model(finished: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Not of another training of the same name, whose results are in git."""
    clone = finished.copy(tmp_path / "clone")
    monkeypatch.chdir(clone.folder)
    assert find("compound").test_accuracy is not None
    sign(clone.folder / "data/models/compound/0", seed=7)
    assert find("compound").test_accuracy is None


@pytest.mark.parametrize("classifier", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
def test_prediction_says_what_was_not_read(classifier: Classifier):
    known = ["good", "a good \U0001f600", "&quot;good&quot;"]
    unknown = ["xyzzy " * 40, "\U0001f600", "\u597d\u7535\u5f71", "<br />", "xyzzy", "&amp;", "<!-- good -->"]
    predictions = classifier.predict([*known, *unknown])
    assert [prediction.has_known_word for prediction in predictions] == [True] * len(known) + [False] * len(unknown)
    texts = [*known, *unknown, *TEXTS]
    for text, prediction in zip(texts, classifier.predict(texts), strict=True):
        explained = classifier.explain(text).prediction
        assert (explained.has_known_word, explained.n_truncated) == (prediction.has_known_word, prediction.n_truncated)
        assert bool(prediction.notes) == (prediction.n_truncated > 0 or not prediction.has_known_word)


@pytest.mark.parametrize(
    ("text", "as_the_study", "html_only"),
    [
        ("Film <3 good. Plot > end.", "film end", "film good plot end"),
        ("good<br />film", "goodfilm", "good film"),
        ("good&film; end", "good film end", "good film end"),
        ("&quot;good&quot; < film", "quot good quot film", "good film"),
        ("<!-- dull --> good <i>film</i>", "good film", "good film"),
    ],
)
def test_networks_that_are_for_use_read_only_html_as_markup(text: str, as_the_study: str, html_only: str):
    for name, expected in (("source", as_the_study), ("html only", html_only)):
        of_text, of_words = CLASSIFIERS[name].explain(text), CLASSIFIERS[name].explain(expected)
        assert [part.value for part in of_text.contributions] == [part.value for part in of_words.contributions]
        assert CLASSIFIERS[name].predict([text]) == CLASSIFIERS[name].predict([expected])


@pytest.mark.parametrize(
    "texts",
    ["good", b"good", {"good": "dull"}, {"good"}, pd.DataFrame({"review": ["good"]}), np.array([["good"]])],
    ids=lambda texts: type(texts).__name__,
)
def test_what_is_no_list_of_texts_is_refused(texts: Any):
    with pytest.raises(TypeError, match="a list of texts"):
        bag().predict(texts)


@pytest.mark.parametrize("text", [None, float("nan"), b"good", 7, ["good"], pd.NA], ids=repr)
def test_what_is_no_text_is_named(text: Any):
    for texts in (["good", text], pd.Series(["good", text], dtype=object), iter(["good", text])):
        with pytest.raises(TypeError, match=r"texts\[1\] is .*, which is not a str"):
            bag().predict(texts)


def test_columns_arrays_and_generators_of_texts_are_answered():
    expected = bag().predict(["good", "dull"])
    for texts in (pd.Series(["good", "dull"]), np.array(["good", "dull"]), iter(["good", "dull"]), ("good", "dull")):
        assert bag().predict(texts) == expected


# each after a prediction, whose threads a child of a fork would wait for
ANSWERS = {
    "os.fork": """
        child = os.fork()
        if child == 0:
            model.predict(texts)
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7""",
    "threads": """
        with ThreadPoolExecutor(8) as pool:
            assert all(answer == expected for answer in pool.map(model.predict, [texts] * 16))""",
    **{
        method: f"""
        with ProcessPoolExecutor(2, multiprocessing.get_context({method!r})) as pool:
            assert list(pool.map(model.predict, [texts] * 4)) == [expected] * 4"""
        for method in ("fork", "forkserver", "spawn")
    },
}
CODE = """
import multiprocessing, os, sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
import torch
import sentiment_rnn

if __name__ == "__main__":
        torch.set_num_threads(2)
        model = sentiment_rnn.load(sys.argv[1])
        texts = ["good film " * 8] * 300
        expected = model.predict(texts)
"""


@pytest.mark.parametrize("answers", ANSWERS.values(), ids=list(ANSWERS))
def test_prediction_does_not_hang(answers: str, finished: Scratch, tmp_path: Path):
    """A time limit, since OpenMP's threads do not survive a fork, and it would wait for ever."""
    (tmp_path / "program.py").write_text(CODE + answers)
    command = [sys.executable, str(tmp_path / "program.py"), str(finished.folder / "data/models/compound/0")]
    subprocess.run(command, timeout=300, check=True, env=os.environ | {"PYTHONPATH": str(finished.folder / "src")})


def test_server_that_forks_after_a_prediction_answers(finished: Scratch, tmp_path: Path):
    folder = finished.folder / "data/models/compound/0"
    (tmp_path / "application.py").write_text(
        "import sentiment_rnn\n"
        f"model = sentiment_rnn.load({str(folder)!r})\n"
        "texts = ['good film ' * 8] * 300\n"
        "model.predict(texts)\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [model.predict(texts)[0].label.encode()]\n"
    )
    address = tmp_path / "socket"
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--preload",
        "--workers",
        "2",
        "--bind",
        f"unix:{address}",
        "application",
    ]
    environment = os.environ | {"PYTHONPATH": str(finished.folder / "src")}
    with subprocess.Popen(command, cwd=tmp_path, env=environment) as server:
        try:
            for _ in range(4):
                assert get(address).startswith(b"HTTP/1.0 200 OK")
        finally:
            server.terminate()


def get(address: Path, limit: float = 60) -> bytes:
    """The answer of a server at a socket, once there is one."""
    deadline = time.monotonic() + limit
    while True:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(limit)
            try:
                connection.connect(str(address))
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
                continue
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.recv(1000)
