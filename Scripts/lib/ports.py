"""A port for a process that binds it later. Run as a program, it prints one."""

import random
import socket


def free_port():
    """Returns a port below the range from which the system assigns ports, so that no connection takes it meanwhile."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


if __name__ == "__main__":
    print(free_port())
