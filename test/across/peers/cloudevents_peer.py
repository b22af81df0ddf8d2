"""A program that speaks CloudEvents by their own library, over Qpid Proton. Its argument is the address of the broker."""

import json
import sys

from cloudevents.core.bindings.amqp import AMQPMessage, from_amqp_event, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from dateutil.parser import isoparse
from proton import Message

from lines import received
from proton_peer import Peer, run

WRITE = {"binary": to_binary_event, "structured": to_structured_event}


class CloudEventsPeer(Peer):
    def message_of(self, command):
        attributes = dict(command["attributes"])
        if "time" in attributes:
            attributes["time"] = isoparse(attributes["time"])
        data = bytes.fromhex(command["bytes"]) if "bytes" in command else command["data"]
        written = WRITE[command["mode"]](CloudEvent(attributes, data))
        return Message(
            body=written.application_data,
            inferred=True,
            properties=written.application_properties,
            content_type=written.properties.get("content-type"),
        )

    def tell(self, command, message):
        # The library wants the bytes of a Data section, as the binding of CloudEvents does.
        if not isinstance(message.body, (bytes, memoryview)):
            received(command, f"no Data section: {type(message.body).__name__}", str(message.body), {})
            return
        properties = {} if message.content_type is None else {"content-type": str(message.content_type)}
        event = from_amqp_event(AMQPMessage(properties, message.properties or {}, bytes(message.body)))
        attributes = event.get_attributes()
        data = event.get_data()
        text = data.hex() if isinstance(data, bytes) else json.dumps(data)
        mode = "structured" if properties.get("content-type", "").startswith("application/cloudevents") else "binary"
        received(command, f"{mode} {type(data).__name__}", text, {**attributes, "time": attributes["time"].isoformat()})


if __name__ == "__main__":
    run(CloudEventsPeer(sys.argv[1]))
