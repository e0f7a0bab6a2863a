"""The readers of `./dev init`: each knows one sort of file and says what it found, and on which line."""
