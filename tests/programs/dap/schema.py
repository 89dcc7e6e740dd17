"""The protocol's own JSON schema, as debugpy brings it along, asked about each message of the adapter."""
import json
import os


def checker():
    """A function from a message to what is wrong with it; ``ImportError`` without jsonschema and debugpy."""
    import debugpy
    import jsonschema

    folder = os.path.join(os.path.dirname(debugpy.__file__), "_vendored", "pydevd", "_pydevd_bundle", "_debug_adapter")
    with open(os.path.join(folder, "debugProtocol.json"), encoding="utf-8") as file:
        schema = json.load(file)
    definitions, validators = schema["definitions"], {}

    def validator(name):
        if name not in validators:
            wanted = {"definitions": definitions, "$ref": "#/definitions/" + name}
            validators[name] = jsonschema.Draft4Validator(wanted)
        return validators[name]

    def name_of(message):
        if message["type"] == "event":
            return capital(message["event"]) + "Event"
        return capital(message["command"]) + "Response" if message.get("success") else "ErrorResponse"

    def problems(message):
        name = name_of(message)
        if name not in definitions:
            if message["type"] == "response" and not message.get("success"):
                name = "Response"
            else:
                return ["the schema has no %s" % name]
        found = ["%s: %s at %s" % (name, problem.message[:300], "/".join(map(str, problem.absolute_path)))
                 for problem in validator(name).iter_errors(message)]
        return found + ["%s: the number %s is not below 2^31" % (name, number) for number in large(message)]

    return problems


def capital(name):
    return name[:1].upper() + name[1:]


def large(value):
    """Numbers that clients need not keep exactly."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for each in value for number in large(each)]
    return [value] if isinstance(value, int) and not -1 << 31 < value < 1 << 31 else []


__all__ = ["checker"]
