"""A program that speaks AMQP 1.0 by Qpid Proton. Its argument is the address of the broker."""

import json
import os
import sys
import threading

from proton import Message
from proton.handlers import MessagingHandler
from proton.reactor import ApplicationEvent, Container, EventInjector

from lines import commands, done, failed, received


class Peer(MessagingHandler):
    def __init__(self, url):
        super().__init__()
        self.url = url
        self.injector = EventInjector()
        self.container = None
        self.connection = None
        self.listening = {}
        self.senders = {}
        self.waiting = {}
        self.unconfirmed = {}

    def on_start(self, event):
        self.container = event.container
        self.container.selectable(self.injector)
        self.connection = self.container.connect(self.url, reconnect=False)

    def on_listen(self, event):
        command = event.subject
        receiver = self.container.create_receiver(self.connection, command["address"])
        self.listening[receiver.name] = command

    def on_send(self, event):
        command = event.subject
        address = command["address"]
        if address not in self.senders:
            self.senders[address] = self.container.create_sender(self.connection, address)
            self.waiting[address] = []
        self.waiting[address].append(command)
        self.flush(address)

    def on_link_opened(self, event):
        if event.receiver is not None and event.receiver.remote_source.address is not None:
            done(self.listening[event.receiver.name])

    def on_link_error(self, event):
        command = self.listening.get(event.link.name)
        if command is not None:
            failed(command, event.link.remote_condition)

    def on_sendable(self, event):
        self.flush(event.sender.target.address)

    def flush(self, address):
        sender = self.senders[address]
        waiting = self.waiting[address]
        while waiting and sender.credit > 0:
            command = waiting.pop(0)
            delivery = sender.send(self.message_of(command))
            self.unconfirmed[(sender.name, delivery.tag)] = command

    def on_accepted(self, event):
        done(self.unconfirmed.pop((event.link.name, event.delivery.tag)))

    def on_rejected(self, event):
        failed(self.unconfirmed.pop((event.link.name, event.delivery.tag)), event.delivery.remote.condition)

    def message_of(self, command):
        return Message(properties=command["headers"], **body_of(command))

    def on_message(self, event):
        self.tell(self.listening[event.receiver.name], event.message)

    def tell(self, command, message):
        body = message.body
        kind = type(body).__name__
        if kind == "dict":
            text = json.dumps(body)
        else:
            text = body if kind == "str" else bytes(body).decode()
        received(command, kind, text, message.properties or {})

    def on_transport_error(self, event):
        sys.exit(f"the connection failed: {event.transport.condition}")


def body_of(command):
    if command["kind"] == "text":
        return {"body": command["body"]}
    if command["kind"] == "bytes":
        return {"body": command["body"].encode(), "inferred": True}
    return {"body": json.loads(command["body"])}


def read_commands(injector):
    for command in commands():
        injector.trigger(ApplicationEvent(command["do"], subject=command))
    os._exit(0)


def run(peer):
    threading.Thread(target=read_commands, args=(peer.injector,), daemon=True).start()
    Container(peer).run()


if __name__ == "__main__":
    run(Peer(sys.argv[1]))
