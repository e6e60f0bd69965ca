"""From the evaluations to the tables, intervals, verdicts, figures and the page."""
