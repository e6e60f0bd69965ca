"""The study on the sample reviews, in a clone of its own in demo/: `make demo`. Nothing outside demo/ changes."""

import shutil
from pathlib import Path

from dvc.utils.hydra import apply_overrides

from scripts import DVC, run
from sentiment_rnn.errors import exit_on_error

DEMO = Path("demo")
OUTPUTS = ("dvc.lock", "results", "metrics", "plots", "report")  # of the study on the real reviews
SETTINGS = [
    "dataset=sample",
    "warmup_steps=20",  # a training on the sample has few steps
    "seeds=[0,1]",
    "study.base.warmup_steps=20",
    "study.base.seeds=[0,1]",
    "study.grids.n_layers=[2]",
    "study.grids.hidden_dim=[150]",
    "study.grids.embedding_dim=[]",
]


def main() -> None:
    if DEMO.exists():
        print("demo/ is there already, as it was made; `rm -rf demo` first makes it of the last commit")
    else:
        if changed := run("git", "status", "--porcelain").splitlines():
            names = ", ".join(line[3:] for line in changed)
            print(f"demo/ will be a clone of the last commit, without these changes: {names}")
        make_demo()
    print("This runs the study on 10,000 made-up reviews in demo/: some minutes, or seconds if it has run before.")
    run(*DVC, "repro", folder=DEMO, shown=True)
    if not run("git", "ls-files", "dvc.lock", folder=DEMO):  # the first run: later ones are the user's to commit
        run("git", "add", "--all", folder=DEMO)
        run("git", "commit", "--quiet", "--message", "Results of the demo", folder=DEMO)
    print("Done: the report is demo/report/index.html. Next: source .venv/bin/activate; cd demo")


def make_demo() -> None:
    unfinished = Path("demo.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    run("git", "clone", "--quiet", ".", str(unfinished))
    for key, value in (("user.name", "demo"), ("user.email", "demo@localhost"), ("commit.gpgsign", "false")):
        run("git", "config", key, value, folder=unfinished)  # experiments are commits
    apply_overrides(unfinished / "params.yaml", SETTINGS)
    run("git", "rm", "-r", "--quiet", "--ignore-unmatch", *OUTPUTS, folder=unfinished)
    run("git", "commit", "--quiet", "--all", "--message", "The demo's parameters", folder=unfinished)
    unfinished.rename(DEMO)


if __name__ == "__main__":
    exit_on_error(main)
