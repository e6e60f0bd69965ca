"""Errors that a user can fix, and how a stage or a command ends on one."""

import re
import sys
from collections.abc import Callable

from safetensors import SafetensorError


class PipelineError(Exception):
    """Something the user can fix; the message names the file, the key or the row, and what to do."""


USER_ERRORS = (PipelineError, OSError, SafetensorError)  # their message is enough: a file cannot be written, say


def printable(text: str) -> str:
    """The text with its control characters escaped: they could drive the terminal that shows them."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda match: f"\\x{ord(match[0]):02x}", text)


def exit_on_error(main: Callable[[], None]) -> None:
    """Run a main(); on an error that the user can fix, and on Ctrl-C, print a line and no traceback."""
    try:
        main()
    except BrokenPipeError:  # an OSError, but nobody reads the message
        raise
    except USER_ERRORS as error:
        sys.exit(f"error: {printable(str(error))}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
