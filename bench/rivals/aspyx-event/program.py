"""
What one program of the Python framework aspyx_event uses for each event that it sends or receives, declared as its users do: a dataclass, and a
listener without pipelines. Its argument is the job as JSON; it prints what it measured as JSON.
"""

import json
import os
import resource
import sys
import threading
import time
from dataclasses import dataclass

from aspyx.di import Environment, create, module
from aspyx_event import AMQPProvider, EventListener, EventManager, EventModule, event, event_listener

job = json.loads(sys.argv[1])
patience = 120


class Provider(AMQPProvider):
    """It tells nobody when the broker has taken an event; its driver does."""

    accepted = 0

    def on_accepted(self, event):
        self.accepted += 1


provider = Provider("server", host=job["host"], port=job["port"], user=job["user"], password=job["password"])


@dataclass
@event(name=job["event"])
class Parcel:
    id: str
    customer: int
    email: str
    placedAt: str
    total: float
    note: str


class Meter:
    """What this process has used since it was made."""

    def __init__(self):
        self.wall = time.perf_counter()
        self.cpu = self.used()

    @staticmethod
    def used():
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    def read(self, events):
        cpu = self.used() - self.cpu
        return {"cpuMicros": cpu * 1e6 / events, "perSecond": events / (time.perf_counter() - self.wall)}


class Count:
    """Of the events handled: measures those after the first few."""

    handled = 0
    meter = None
    measured = None
    done = threading.Event()

    def one(self):
        self.handled += 1
        if self.handled == job["warmUp"]:
            self.meter = Meter()
        if self.handled == job["warmUp"] + job["events"]:
            self.measured = self.meter.read(job["events"])
            self.done.set()


count = Count()

if job["work"] == "consume":

    @event_listener(Parcel, name=job["listener"])
    class Depot(EventListener[Parcel]):
        def on(self, parcel):
            if not isinstance(parcel, Parcel):
                raise TypeError("an event came without its type")
            count.one()


@module(imports=[EventModule])
class ProgramModule:
    @create()
    def create_event_manager(self) -> EventManager:
        return EventManager(provider)


manager = Environment(ProgramModule).get(EventManager)


def burst(events):
    """A send is not confirmed to its caller: all are handed over, and then taken by the broker."""
    goal = provider.accepted + events
    parcel = Parcel(**job["parcel"])
    for _ in range(events):
        manager.send_event(parcel)
    end = time.monotonic() + patience
    while provider.accepted < goal:
        if time.monotonic() > end:
            sys.exit(f"the broker has taken {provider.accepted} events, not {goal}")
        time.sleep(0.005)


def publish():
    burst(job["warmUp"])
    meter = Meter()
    burst(job["events"])
    return meter.read(job["events"])


def consume():
    if not count.done.wait(patience):
        sys.exit(f"{count.handled} events came")
    return count.measured


print(json.dumps(publish() if job["work"] == "publish" else consume()), flush=True)
# Its threads are still at it.
os._exit(0)
