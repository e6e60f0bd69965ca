"""What a stage needs because DVC runs it."""

import os
import signal
import threading
import time
from pathlib import Path

from sentiment_rnn.errors import PipelineError
from sentiment_rnn.model_json import sha256

PACKAGE = Path(__file__).parent
DECISIVE = ("encoding/arrays.py", "network/*.py", "training/*.py")  # the code that decides the bytes of a training
OTHER = ("*.py", "study/*.py")  # the other code that a train stage depends on
PARENT = os.getppid()  # as early as possible: of a parent that has ended, the system no longer tells the number
POLL_INTERVAL = 0.5  # seconds between two looks at whether DVC is still there


class InputChangedError(PipelineError):
    """A file was changed while a stage that depends on it ran."""


class InputHashes:
    """The SHA-256 of the files that a training reads, and of the code that it runs.

    DVC hashes the dependencies of a stage after its command. A file that is changed meanwhile would be recorded as
    the one that the outputs were made from.

    Attributes:
        files: the hashes of the data, by path.
        modules: the hashes of the code that decides the bytes of a training, by path.
    """

    def __init__(self, files: list[Path]) -> None:
        self.files = {path: sha256(path) for path in files}
        self.modules = self._code(DECISIVE)
        self._other_modules = self._code(OTHER)

    def check(self) -> None:
        """Compare the files with what they were.

        Raises:
            InputChangedError: one was changed or is gone.
        """
        for path, before in (self.files | self.modules | self._other_modules).items():
            if not path.exists() or sha256(path) != before:
                raise InputChangedError(f"{path} was changed while this stage ran; nothing was written: run it again")

    def _code(self, patterns: tuple[str, ...]) -> dict[Path, str]:
        return {path: sha256(path) for pattern in patterns for path in sorted(PACKAGE.glob(pattern))}


def exit_with_dvc() -> None:
    """End this process when the DVC that started it ends: without DVC's lock, a second run could start next to it.

    On Windows, and under a shell that stays between DVC and this process, this does nothing.
    """
    if "DVC_STAGE" in os.environ:
        threading.Thread(target=_exit_without_parent, daemon=True).start()


def lacks_only_outputs() -> bool:
    """Whether nothing changed, and DVC runs this stage only because its outputs are not in the cache."""
    from dvc.exceptions import DvcException  # noqa: PLC0415  # takes a second, and the workers do not need it
    from dvc.repo import Repo  # noqa: PLC0415

    name = os.environ.get("DVC_STAGE")
    if name is None:
        return False
    try:
        with Repo() as repo, repo.lock:  # DVC has released it while a stage runs
            (stage,) = repo.stage.collect(name)
            oids = [out.hash_info.value for out in stage.outs]
            is_current = not stage.changed_stage() and not stage.changed_deps()
            return is_current and not all(oid and repo.cache.local.exists(oid) for oid in oids)
    except DvcException:  # another DVC has the lock, or DVC was started in another folder: this is for a message only
        return False


def _exit_without_parent() -> None:
    while os.getppid() == PARENT:
        time.sleep(POLL_INTERVAL)
    os.kill(os.getpid(), signal.SIGTERM)
