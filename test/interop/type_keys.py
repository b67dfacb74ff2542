"""Types lines into an interactive shell on a terminal of its own, each as soon as the shell is ready.

Usage: type_keys.py PROMPT SHELL [ARGUMENT...]. The lines come on standard input as a JSON list.
"""

import json
import os
import pty
import select
import sys

LIMIT_SECONDS = 30

prompt = sys.argv[1].encode()
lines = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])

seen = b""
waiting = list(lines)
while True:
    ready, _, _ = select.select([terminal], [], [], LIMIT_SECONDS)
    if not ready:
        os.kill(pid, 9)
        sys.exit(f"The shell does not answer; it said {seen!r}")
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    seen += data
    if prompt in seen and waiting:
        seen = b""
        os.write(terminal, waiting.pop(0).encode() + b"\r")
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
