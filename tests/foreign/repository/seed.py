"""Runs once per start and ends."""

import socket
import sys

host, _, port = sys.argv[1].partition(":")
with socket.create_connection((host, int(port))) as connection:
    connection.sendall(b"SET answer 42\n")
    assert connection.recv(100) == b"42\n"
