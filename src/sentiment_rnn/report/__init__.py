"""From the evaluations to tables, intervals, verdicts, figures and a page."""
