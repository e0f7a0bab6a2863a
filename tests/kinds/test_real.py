"""The kinds that run what this machine has: a real Redis, a real cargo."""

from __future__ import annotations

import os
import shutil
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Checkout, wait_until

CARGO = """[package]
name = "hello"
version = "0.1.0"
edition = "2021"
"""
LOCK = """version = 3

[[package]]
name = "hello"
version = "0.1.0"
"""
SERVER = """use std::{env, io::{Read, Write}, net::TcpListener};
fn main() {
    let at = format!("{}:{}", env::var("HOST").unwrap(), env::var("PORT").unwrap());
    for stream in TcpListener::bind(at).unwrap().incoming() {
        let mut stream = stream.unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = write!(stream, "HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\none");
    }
}
"""


def ask(port: int, words: str) -> str:
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(f"{words}\r\n".encode())
        return connection.recv(1000).decode()


def get(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
        return str(answer.read().decode())


@pytest.mark.skipif(not shutil.which("redis-server"), reason="needs redis-server on PATH")
def test_redis_keeps_what_it_has_over_a_stop(checkout: Checkout, free_port: Callable[[], int]) -> None:
    port = free_port()
    checkout.state(f"[infra.redis]\nport = {port}\n")
    started = checkout.dev("start")
    assert started.code == 0, started.err
    assert ask(port, "SET colour green") == "+OK\r\n"
    entry = checkout.components()["redis"]
    assert (entry["state"], entry["placement"]) == ("ready", "native")
    assert checkout.dev("stop").code == 0
    with pytest.raises(OSError):
        ask(port, "PING")
    assert checkout.dev("start").code == 0
    assert ask(port, "GET colour") == "$5\r\ngreen\r\n"


@pytest.mark.skipif(not shutil.which("cargo"), reason="needs cargo on PATH")
def test_rust_is_rebuilt_and_a_build_that_fails_leaves_the_old_one(
    checkout: Checkout, free_port: Callable[[], int]
) -> None:
    for name, place in {"RUSTUP_HOME": ".rustup", "CARGO_HOME": ".cargo"}.items():
        checkout.env[name] = os.environ.get(name) or str(Path.home() / place)
    port = free_port()
    checkout.state(f'[services.hello]\nkind = "rust"\npath = "hello"\nport = {port}\n')
    checkout.write("hello/Cargo.toml", CARGO)
    checkout.write("hello/Cargo.lock", LOCK)
    source = checkout.write("hello/src/main.rs", SERVER)
    started = checkout.dev("start")
    assert started.code == 0, started.err
    assert get(port) == "one"
    source.write_text("no Rust")
    wait_until(lambda: "the build failed" in checkout.dev("logs", "hello").out, 60)
    assert get(port) == "one"
    source.write_text(SERVER.replace('one"', 'two"'))
    wait_until(lambda: answers(port) == "two", 60)
    assert [path.name for path in (checkout.path / "hello").iterdir() if path.name == "target"] == []
    assert checkout.dev("stop").code == 0
    assert checkout.processes() == []


def answers(port: int) -> str:
    try:
        return get(port)
    except OSError:  # between the end of the old one and the start of the new one
        return ""
