"""Logs of components: each line has its time, so many files read as one story."""

from runtime.logs.words import last, tail

__all__ = ["last", "tail"]
