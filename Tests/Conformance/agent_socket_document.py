"""Checks docs/agent-socket.yaml for consistency, and checks messages against it."""

import json

import jsonschema
import yaml

from stage import HERE

TOP = HERE.parent.parent


def _resolved(node, document):
    """Returns the node with every reference resolved."""
    if isinstance(node, dict):
        if "$ref" in node:
            target = document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            return _resolved(target, document)
        return {key: _resolved(value, document) for key, value in node.items()}
    return [_resolved(one, document) for one in node] if isinstance(node, list) else node


class Document:
    def __init__(self):
        self.raw = yaml.safe_load((TOP / "docs/agent-socket.yaml").read_text())
        self.whole = _resolved(self.raw, self.raw)
        operations = self.whole["operations"]
        self.sent = self._payloads(operations["agentSends"])
        self.received = self._payloads(operations["agentReceives"])

    @staticmethod
    def _payloads(operation):
        payloads = [message["payload"] for message in operation["messages"] if "contentType" not in message]
        return {payload["properties"]["type"]["const"]: payload for payload in payloads}

    def faults(self):
        """Lists the faults of the document itself."""
        found = []
        if self.raw["asyncapi"] != "3.0.0":
            found.append("the version of AsyncAPI is not 3.0.0")
        in_channel = set(self.raw["channels"]["call"]["messages"])
        in_operations = {
            one["$ref"].rsplit("/", 1)[1] for operation in self.raw["operations"].values() for one in operation["messages"]
        }
        if not in_channel == in_operations == set(self.raw["components"]["messages"]):
            found.append(f"messages missing in the channel or the operations: {in_channel ^ in_operations}")
        text = (TOP / "docs/agent-socket.md").read_text()
        for kind, payload in (self.sent | self.received).items():
            jsonschema.Draft7Validator.check_schema(payload)
            if f"`{kind}`" not in text:
                found.append(f"{kind} is not in docs/agent-socket.md")
            found += [f"{kind}.{member} is not in docs/agent-socket.md" for member in payload["properties"]
                      if f"`{member}`" not in text and member != "type"]
        # The examples in the text must be valid messages, too.
        for block in text.split("```json\n")[1:]:
            example = json.loads(block.split("```")[0])
            if "type" in example:
                found += self.faults_of(example, self.sent | self.received)
        return found

    @staticmethod
    def faults_of(message, payloads):
        kind = message.get("type")
        if kind not in payloads:
            return [f"no message '{kind}'"]
        schema = payloads[kind] | {"additionalProperties": False}
        return [f"{kind}: {error.message}" for error in jsonschema.Draft7Validator(schema).iter_errors(message)]

    def faults_of_sent(self, messages):
        return [fault for opcode, text in messages if opcode == 1 for fault in self.faults_of(json.loads(text), self.sent)]

    def faults_of_received(self, messages):
        return [fault for opcode, text in messages if opcode == 1
                for fault in self.faults_of(json.loads(text), self.received)]
