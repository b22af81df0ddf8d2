"""Commands come as lines of JSON, and answers and what was received leave so. Each command has an id, which its answer repeats."""

import json
import sys
import threading

_lock = threading.Lock()


def tell(fact):
    with _lock:
        sys.stdout.write(json.dumps(fact) + "\n")
        sys.stdout.flush()


def done(command):
    tell({"id": command["id"]})


def failed(command, reason):
    tell({"id": command["id"], "error": str(reason)})


def received(command, kind, body, headers):
    """What came to the place that this command listens to."""
    texts = {str(name): str(value) for name, value in headers.items()}
    tell({"listening": command["id"], "kind": kind, "body": body, "headers": texts})


def commands():
    """Until the other side closes its end, or is no more."""
    for line in sys.stdin:
        yield json.loads(line)
