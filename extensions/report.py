"""Make extensions/report from the results: `python -m extensions.report`."""

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.extensions.report import report_stage

if __name__ == "__main__":
    exit_on_error(report_stage)
