"""
A program of the Python framework aspyx_event, its event, listener and pipeline declared as its users do. Arguments: host, port, user, password,
the name of the event, and of the listener where it has one.
"""

import json
import sys
import time
from contextvars import ContextVar
from dataclasses import asdict, dataclass

from aspyx.di import Environment, create, module
from aspyx_event import AbstractEnvelopePipeline, AMQPProvider, EventListener, EventManager, EventModule
from aspyx_event import envelope_pipeline, event, event_listener
from proton import Endpoint

from lines import commands, done, failed, received

host, port, user, password, event_name = sys.argv[1:6]
listener_name = sys.argv[6] if len(sys.argv) > 6 else None

headers_sent = ContextVar("headers_sent", default={})
headers_received = ContextVar("headers_received", default={})
listening = {}
provider = AMQPProvider("server", host=host, port=int(port), user=user, password=password)


@dataclass
@event(name=event_name)
class Note:
    n: int
    text: str


if listener_name is not None:

    @event_listener(Note, name=listener_name)
    class NoteListener(EventListener[Note]):
        def on(self, event):
            received(listening, type(event).__name__, json.dumps(asdict(event)), headers_received.get())


@envelope_pipeline()
class HeadersPipeline(AbstractEnvelopePipeline):
    def __init__(self):
        super().__init__()

    def send(self, envelope, event_descriptor):
        for name, value in headers_sent.get().items():
            envelope.set(name, value)
        self.proceed_send(envelope, event_descriptor)

    def handle(self, envelope, event_listener_descriptor):
        headers_received.set(envelope.headers)
        self.proceed_handle(envelope, event_listener_descriptor)


@module(imports=[EventModule])
class PeerModule:
    @create()
    def create_event_manager(self) -> EventManager:
        return EventManager(provider)


def is_attached():
    """The framework does not tell when its listener is attached; its links do."""
    return any(link.state & Endpoint.REMOTE_ACTIVE for link in list(provider._receivers.values()))


def await_attached(command):
    end = time.monotonic() + 15
    while not is_attached():
        if time.monotonic() > end:
            failed(command, "the listener was not attached in 15 s")
            return
        time.sleep(0.01)
    done(command)


manager = None
for order in commands():
    if order["do"] == "listen":
        listening.update(order)
    if manager is None:
        manager = Environment(PeerModule).get(EventManager)
    if order["do"] == "listen":
        await_attached(order)
    else:
        headers_sent.set(order["headers"])
        manager.send_event(Note(**json.loads(order["body"])))
        # There is no confirmation to wait for.
        done(order)
