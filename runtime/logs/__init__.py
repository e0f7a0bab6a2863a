"""Logs of components: each line has a time stamp, so that many files can be shown as one log."""

from runtime.logs.words import last, tail

__all__ = ["last", "tail"]
