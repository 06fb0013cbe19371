"""Runs a command in a pseudo-terminal of 80 columns and 24 rows, and types Ctrl-C when it has printed something.

Usage: pty.py SOMETHING COMMAND...
Prints, as JSON, what it printed, its exit status, and whether the terminal is set as it was before.
"""

import fcntl
import json
import os
import select
import struct
import sys
import termios

awaited, command = sys.argv[1].encode(), sys.argv[2:]
master, slave = os.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
before = termios.tcgetattr(slave)
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for descriptor in (0, 1, 2):
        os.dup2(slave, descriptor)
    os.closerange(3, 256)
    os.execvp(command[0], command)

# While somebody has the other end open, there is no end to read to: so that is left to the command, and asked anew.
output, status = b"", None
os.set_blocking(master, False)
while True:
    ready, _, _ = select.select([master], [], [], 0.1)
    if ready:
        output += os.read(master, 65536)
        if awaited and awaited in output:
            os.write(master, b"\x03")
            awaited = b""
        continue
    if status is not None:
        break
    pid, code = os.waitpid(child, os.WNOHANG)
    if pid != 0:
        status = os.waitstatus_to_exitcode(code)
json.dump({"output": output.decode(), "status": status, "same": termios.tcgetattr(slave) == before}, sys.stdout)
