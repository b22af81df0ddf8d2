"""A program that speaks STOMP 1.2 by stomp.py. Its arguments are host, port, user and password."""

import sys

import stomp

from lines import commands, done, received


class Peer(stomp.ConnectionListener):
    """One connection, which says the length of the bodies that it sends, or does not."""

    def __init__(self, host, port, user, password, length):
        self.confirming = {}
        self.listening = {}
        self.connection = stomp.Connection12([(host, port)], auto_content_length=length, heartbeats=(5000, 5000))
        self.connection.set_listener("peer", self)
        self.connection.connect(user, password, wait=True)

    def listen(self, command):
        subscription = str(command["id"])
        self.listening[subscription] = command
        headers = {"subscription-type": "ANYCAST" if command["archive"] else "MULTICAST", "receipt": self.confirm(command)}
        self.connection.subscribe(command["address"], subscription, ack="client-individual", headers=headers)

    def send(self, command):
        self.connection.send(command["address"], command["body"], headers={**command["headers"], "receipt": self.confirm(command)})

    def confirm(self, command):
        receipt = f"receipt-{command['id']}"
        self.confirming[receipt] = command
        return receipt

    def on_receipt(self, frame):
        done(self.confirming.pop(frame.headers["receipt-id"]))

    def on_message(self, frame):
        command = self.listening[frame.headers["subscription"]]
        received(command, type(frame.body).__name__, frame.body, frame.headers)
        self.connection.ack(frame.headers["ack"])

    def on_error(self, frame):
        print(f"the broker says: {frame.headers} {frame.body}", file=sys.stderr)


host, port, user, password = sys.argv[1:]
text = Peer(host, int(port), user, password, length=False)
binary = Peer(host, int(port), user, password, length=True)
for order in commands():
    if order["do"] == "listen":
        text.listen(order)
    else:
        (binary if order["kind"] == "bytes" else text).send(order)
for peer in (text, binary):
    peer.connection.disconnect()
