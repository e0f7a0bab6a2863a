"""Commands and output: one file per command, one printer, one place that prints errors."""
