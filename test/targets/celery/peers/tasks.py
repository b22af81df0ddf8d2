"""The tasks of a worker that writes down what it runs, one line of JSON each."""

import json
import os
import sys
import time

from celery import Celery

app = Celery("peer", broker=os.environ["PEER_BROKER"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    # Its queue would be held by a worker that was killed just now.
    worker_enable_remote_control=False,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
)


def note(line):
    with open(os.environ["PEER_OUT"], "a", encoding="utf-8") as out:
        out.write(json.dumps(line) + "\n")


@app.task(name="peer.record", bind=True)
def record(self, *args, **kwargs):
    """What it was called with, and what came beside it."""
    request = self.request
    note(
        {
            "id": request.id,
            "args": list(args),
            "kwargs": kwargs,
            "types": [type(value).__name__ for value in [*args, *kwargs.values()]],
            "eta": request.eta,
            "expires": request.expires,
            "root": request.root_id,
            "parent": request.parent_id,
            "correlation": request.correlation_id,
            "retries": request.retries,
            "timelimit": list(request.timelimit or []),
            "lang": request.get("lang"),
            "priority": request.delivery_info.get("priority"),
            "queue": request.delivery_info.get("routing_key"),
            "at": time.time(),
        }
    )


if __name__ == "__main__":
    # Asks for a task as Python programs do.
    record.apply_async(**json.loads(sys.argv[1]))
