"""Runs a command on a pseudo-terminal and prints all that it shows there, byte for byte.

Usage: on_terminal.py COLUMNS COMMAND [ARGUMENT...]

Its exit code is the command's. Input, output and errors of the command are the terminal.
"""

import fcntl
import os
import pty
import struct
import sys
import termios


def main(columns, command):
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        os.execvpe(command[0], command, os.environ)
    while True:
        try:
            shown = os.read(terminal, 65536)
        except OSError:  # the last holder of the other side has gone
            break
        if not shown:
            break
        sys.stdout.buffer.write(shown)
    sys.stdout.buffer.flush()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
