"""What is asked and shown: one file per command, one printer, one error boundary."""
