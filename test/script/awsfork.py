#!/usr/bin/python3
"""Runs Debian's aws command many times, having loaded it once.

Each connection to the socket named by the first argument is one run: it sends
the command's standard output and standard error as descriptors, and a line of
JSON with its arguments, environment and directory. The answer is the exit
status. The run is a fork of this process, so that one knows nothing of another.
"""

import json
import os
import signal
import socket
import sys
import time

sys.path.insert(0, "/usr/lib/python3/dist-packages")

from awscli.clidriver import create_clidriver  # noqa: E402
from awscli.customizations.cloudformation import deployer  # noqa: E402
import botocore.waiter  # noqa: E402  the one that comes with the command


class Hurry:
    """Stands for the module time in waiters: they look every 30 seconds, 120 times."""

    @staticmethod
    def sleep(seconds, sleep=time.sleep):
        sleep(min(seconds, 0.5))


botocore.waiter.time = Hurry


class Precise:
    """Stands for the module time in deploy, which names change sets by the second."""

    @staticmethod
    def time(now=time.time):
        return now() * 1000


deployer.time = Precise


def load(services):
    """Loads the models of services, for all runs, and returns who knows them."""
    loader = create_clidriver().session.get_component("data_loader")
    for name in services:
        loader.load_service_model(name, "service-2")
    loader.load_data("endpoints")
    return loader


def run(loader, job):
    """Runs the command, as its own program would."""
    os.environ.clear()
    os.environ.update(job["env"])
    os.chdir(job["dir"])
    sys.argv = ["aws", *job["args"]]
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)
    driver = create_clidriver()
    driver.session.register_component("data_loader", loader)
    try:
        return driver.main(job["args"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def serve(conn, loader):
    """Reads one job and runs it in this process, which then ends."""
    data, fds, _, _ = socket.recv_fds(conn, 1 << 20, 2)
    while not data.endswith(b"\n"):
        more = conn.recv(1 << 20)
        if not more:
            return
        data += more
    os.dup2(fds[0], 1)
    os.dup2(fds[1], 2)
    try:
        code = run(loader, json.loads(data))
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else 1
    except BaseException as e:  # as the interpreter would have said it
        os.write(2, repr(e).encode())
        code = 255
    conn.sendall(bytes([code or 0]))


def main():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    loader = load(sys.argv[2:])
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(sys.argv[1])
        listener.listen(64)
        os.write(1, b"ready\n")
        while True:
            conn, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                serve(conn, loader)
                os._exit(0)
            conn.close()


main()
