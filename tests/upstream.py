"""Write a specification as many files, in the layout in which Adobe publishes the Delivery API.

The content is the project's own document. The words are neither the project's nor Adobe's. What is particular about
the published files is kept: text references, response statuses that are YAML integers, descriptions beside a $ref,
missing descriptions, a server variable that nobody declares, and examples that do not fit their schema.
"""

import copy
import io
import zlib

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

PREFIX = "#/components/schemas/"
COMMON = frozenset(
    {
        *("ABTOrder", "AuthenticatedState", "CustomerId", "Order", "Parameters", "Preview", "Product"),
        *("QAMode", "QAModePreviewIndex", "ResponseTokens", "UnexpectedError", "VisitorId"),
    }
)
"""The schemas in common/components. The others are in delivery/components."""
WITHIN = {"Action": "Option"}
"""Schemas in the components section of another schema's file."""
BESIDE = 6
"""The number of fields whose description stands beside a $ref. Other fields with a $ref have no description."""
MARKDOWN = """\
# Decisions: how to ask for them

Note: every call needs a *client code*. Key: value, and a “quoted” word.

<p>Send one request:</p>

- execute: decide now
- prefetch: decide for later

\tcurl: https://example.test/rest/v1/delivery?client=x
"""


def words(place):
    """Return a description for `place`, such as Order.total, or None if the published document has none."""
    number = zlib.crc32(place.encode())
    if number % 12 == 0:
        return None
    return (
        f"The visitor’s {place}.<br><br>See “{place}”: it’s <b>optional</b>. ",
        f"Says: {place} \n\nA second paragraph – with a dash, a #hash & an {{odd}} [bracket].\n",
        f"{place}",
    )[number % 3]


def write_repository(document, folder, words=words, markdown=MARKDOWN):
    """Write the bundled specification `document` into `folder`, and return the path of its root file.

    `words` returns the description of a place or None. With None instead of a function, the descriptions of
    `document` stay, all of them.
    """
    return _Writer(copy.deepcopy(document), folder, words).write(markdown)


class _Writer:
    def __init__(self, document, folder, words):
        self.document = document
        self.folder = folder
        self.words = words
        self.beside = 0
        self.schemas = document.get("components", {}).get("schemas", {})

    def write(self, markdown):
        (self.folder / "delivery" / "markdown").mkdir(parents=True)
        (self.folder / "common" / "components").mkdir(parents=True)
        (self.folder / "delivery" / "components").mkdir(parents=True)
        (self.folder / "delivery" / "markdown" / "api-description.md").write_text(markdown, encoding="utf-8")
        for name in self.schemas:
            if self.home(name) == name:
                guests = {key: self.schema(key, name) for key in self.schemas if self.home(key) == name != key}
                content = {
                    "openapi": DoubleQuotedScalarString("3.0.0"),
                    name: self.schema(name, name),
                    **({"components": {"schemas": guests}} if guests else {}),
                }
                self.file(f"{self.directory(name)}/{name}.yaml", content)
        # Nothing refers to this one, as in the published repository.
        unused = {"openapi": DoubleQuotedScalarString("3.0.0"), "ABTOrder": {"type": "object"}}
        self.file("common/components/ABTOrder.yaml", unused)
        return self.file("delivery/api.yaml", self.root())

    def file(self, name, content):
        yaml = YAML()
        yaml.width = 4096
        yaml.representer.ignore_aliases = lambda _: True
        text = io.StringIO()
        yaml.dump(content, text)
        path = self.folder / name
        path.write_text(text.getvalue(), encoding="utf-8")
        return path

    def home(self, name):
        """Return the name of the file that the schema `name` is in."""
        home = WITHIN.get(name, name)
        return home if home in self.schemas else name

    def directory(self, name):
        return "common/components" if name in COMMON else "delivery/components"

    def root(self):
        root = {key: value for key, value in self.document.items() if key != "components"}
        others = {key: value for key, value in self.document.get("components", {}).items() if key != "schemas"}
        root["openapi"] = DoubleQuotedScalarString("3.0.0")
        root["info"] = {**root["info"], "description": {"$ref": "./markdown/api-description.md"}}
        for server in root.get("servers", ()):
            server.pop("variables", None)
        self.describe(root.get("servers", ()), "server", "url")
        self.describe(root.get("tags", ()), "tag", "name")
        root["paths"] = {path: self.path(path, item) for path, item in root["paths"].items()}
        return {**root, **({"components": self.links(others, None)} if others else {})}

    def path(self, path, item):
        for method, operation in item.items():
            if not isinstance(operation, dict):
                continue
            place = f"{method.upper()} {path}"
            self.describe([operation], place)
            self.describe(operation.get("parameters", ()), f"{place} parameter", "name")
            self.describe([operation.get("requestBody", {})], f"{place} body")
            for status, response in operation.get("responses", {}).items():
                self.describe([response], f"{place} {status}", required=True)
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is not None:
                content["examples"] = {"wrong": {"value": {"context": "a text", "execute": [1]}}}
            operation["responses"] = {
                int(status) if status.isdigit() else status: response
                for status, response in operation.get("responses", {}).items()
            }
        return self.links(item, None)

    def describe(self, values, place, key=None, required=False):
        """Replace the descriptions of objects that are not schemas."""
        for value in values:
            if self.words is not None:
                where = f"{place} {value[key]}" if key else place
                text = self.words(where) or ("" if required else None)
                self.put(value, text)

    def put(self, value, text):
        value.pop("description", None)
        if text is not None:
            value["description"] = LiteralScalarString(text) if "\n" in text else text

    def schema(self, name, file):
        return self.worded(self.schemas[name], name, file, described=True)

    def worded(self, schema, place, file, *, described=False):
        """Return a schema with the words and the references that it has in the file of the schema `file`.

        A schema with a name and a property are `described`.
        """
        if not isinstance(schema, dict):
            return schema
        result = {}
        for key, value in schema.items():
            if key == "properties":
                result[key] = {
                    inner: self.worded(item, f"{place}.{inner}", file, described=True) for inner, item in value.items()
                }
            elif key in ("allOf", "oneOf", "anyOf"):
                result[key] = [self.worded(item, place if key == "allOf" else f"{place}|", file) for item in value]
            elif key in ("items", "additionalProperties"):
                result[key] = self.worded(value, f"{place}{'[]' if key == 'items' else '{}'}", file)
            else:
                result[key] = self.links(value, file) if key == "discriminator" else value
        if described and self.words is not None:
            self.put(result, self.words(place))
        parts = result.get("allOf", ())
        if len(parts) == 1 and "$ref" in parts[0] and result.keys() <= {"allOf", "description"} and "." in place:
            result = {**parts[0], **{key: value for key, value in result.items() if key == "description"}}
        elif "$ref" in result:
            result["$ref"] = self.link(result["$ref"], file)
        if "$ref" in result:
            self.beside += "description" in result
            if self.words is not None and self.beside > BESIDE:
                result.pop("description", None)
            return result
        if result.get("type") == "string" and "enum" not in result and "format" not in result and place.count(".") == 1:
            result["example"] = 12
        return result

    def links(self, value, file):
        """Return `value` with its references to schemas changed to references from the file of the schema `file`."""
        if isinstance(value, list):
            return [self.links(item, file) for item in value]
        if isinstance(value, dict):
            return {key: self.links(item, file) for key, item in value.items()}
        return self.link(value, file) if isinstance(value, str) and value.startswith(PREFIX) else value

    def link(self, target, file):
        """Return the reference from the file of the schema `file`, or from the root file for None."""
        if not target.startswith(PREFIX):
            return target
        name = target.removeprefix(PREFIX)
        home = self.home(name)
        pointer = f"components/schemas/{name}" if home != name else name
        if file == home:
            return DoubleQuotedScalarString(f"#/{pointer}")
        there = self.directory(home)
        if file is None:
            prefix = f"./components/{home}" if there.startswith("delivery") else f"../{there}/{home}"
        else:
            prefix = f"./{home}" if there == self.directory(file) else f"../../{there}/{home}"
        return DoubleQuotedScalarString(f"{prefix}.yaml#/{pointer}")
