"""Has no port; what it says shows that it works."""

import socket
import sys
import time

host, _, port = sys.argv[1].partition(":")
with socket.create_connection((host, int(port))) as connection:
    connection.sendall(b"GET answer\n")
    print("seeded value:", connection.recv(100).decode().strip(), flush=True)
while True:
    time.sleep(1)
