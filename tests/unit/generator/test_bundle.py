"""Reading a specification: one file or many, from disk or over http, right or wrong."""

import json

import pytest

from generator import bundle
from generator.errors import SpecificationError

MINIMAL = {"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {}}


def with_schemas(**schemas):
    return {**MINIMAL, "components": {"schemas": schemas}}


def answering(schema, **more):
    """Return a specification whose only operation answers with `schema`."""
    content = {"application/json": {"schema": schema, **more}}
    responses = {"200": {"description": "d", "content": content}}
    return {**MINIMAL, "paths": {"/a": {"get": {"responses": responses}}}}


def answered(document):
    return document["paths"]["/a"]["get"]["responses"]["200"]["content"]["application/json"]


class TestOneDocument:
    def test_the_committed_specification_is_bundled_already(self, published):
        assert bundle.flatten(published)["info"] == published["info"]
        assert sorted(published["components"]["schemas"]) == list(published["components"]["schemas"])

    def test_json_is_read_too(self, published, write):
        path = write("delivery.json", json.dumps(published))

        assert bundle.bundle(str(path)) == published

    def test_writing_and_reading_gives_the_same(self, published, write):
        text = bundle.dump(published)

        assert bundle.read(write("again.yaml", text)) == published
        assert bundle.dump(bundle.read(write("again.yaml", text))) == text

    def test_what_is_used_twice_is_written_twice(self):
        shared = {"type": "string"}

        assert "&" not in bundle.dump({"a": shared, "b": shared})

    def test_an_openapi_31_document(self, write):
        document = {**with_schemas(A={"type": ["string", "null"]}), "openapi": "3.1.0"}

        assert bundle.bundle(str(write("a.yaml", document))) == document

    def test_dates_are_text(self, write):
        path = write(
            "a.yaml",
            bundle.dump(with_schemas(A={"type": "string", "example": "X"})).replace("X", "2024-02-29"),
        )

        assert bundle.bundle(str(path))["components"]["schemas"]["A"]["example"] == "2024-02-29"


class TestManyDocuments:
    def test_files(self, published, split):
        assert bundle.bundle(str(split(published))) == published

    def test_over_http(self, published, split, served):
        url = served(split(published).parent)

        assert bundle.bundle(f"{url}/openapi.yaml") == published

    def test_files_whose_names_need_escaping(self, write):
        write("sp ec/Büro#1.yaml", {"type": "string"})
        path = write("sp ec/root.yaml", answering({"$ref": "./B%C3%BCro%231.yaml"}))

        assert list(bundle.bundle(str(path))["components"]["schemas"]) == ["Büro#1"]

    def test_schemas_are_named_as_the_root_names_them(self, write):
        write("schemas/thing.yaml", {"type": "string"})
        write("schemas/holder.yaml", {"type": "array", "items": {"$ref": "thing.yaml"}})
        path = write(
            "root.yaml",
            with_schemas(Thing={"$ref": "schemas/thing.yaml"}, Holder={"$ref": "schemas/holder.yaml"}),
        )

        assert bundle.bundle(str(path))["components"]["schemas"] == {
            "Holder": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
            "Thing": {"type": "string"},
        }

    def test_two_names_for_one_schema(self, write):
        write("a.yaml", {"type": "string"})
        path = write("root.yaml", with_schemas(A={"$ref": "a.yaml"}, B={"$ref": "a.yaml"}))

        assert bundle.bundle(str(path))["components"]["schemas"] == {
            "A": {"type": "string"},
            "B": {"$ref": "#/components/schemas/A"},
        }

    def test_a_name_that_stands_for_another(self, write):
        path = write("root.yaml", with_schemas(A={"$ref": "#/components/schemas/B"}, B={"type": "string"}))

        assert bundle.bundle(str(path))["components"]["schemas"] == {
            "A": {"$ref": "#/components/schemas/B"},
            "B": {"type": "string"},
        }

    def test_schemas_that_hold_each_other(self, write):
        write("A.yaml", {"type": "object", "properties": {"b": {"$ref": "B.yaml"}, "a": {"$ref": "#"}}})
        write("B.yaml", {"type": "object", "properties": {"a": {"$ref": "./A.yaml"}}})
        path = write("root.yaml", answering({"$ref": "A.yaml"}))

        schemas = bundle.bundle(str(path))["components"]["schemas"]

        assert schemas["A"]["properties"]["b"] == {"$ref": "#/components/schemas/B"}
        assert schemas["A"]["properties"]["a"] == {"$ref": "#/components/schemas/A"}
        assert schemas["B"]["properties"]["a"] == {"$ref": "#/components/schemas/A"}

    def test_a_document_of_schemas(self, write):
        write("all.yaml", {"schemas": {"A": {"type": "string"}, "B": {"$ref": "#/schemas/A"}}})
        path = write("root.yaml", {**MINIMAL, "components": {"schemas": {"$ref": "all.yaml#/schemas"}}})

        assert bundle.bundle(str(path))["components"]["schemas"] == {
            "A": {"type": "string"},
            "B": {"$ref": "#/components/schemas/A"},
        }

    def test_components_in_a_document_of_their_own(self, write):
        write(
            "parts/components.yaml",
            {"schemas": {"A": {"$ref": "a.yaml"}}, "headers": {"H": {"$ref": "h.yaml"}}},
        )
        write("parts/a.yaml", {"type": "string"})
        write("parts/h.yaml", {"schema": {"type": "integer"}})
        path = write("root.yaml", {**MINIMAL, "components": {"$ref": "parts/components.yaml"}})

        assert bundle.bundle(str(path))["components"] == {
            "headers": {"H": {"schema": {"type": "integer"}}},
            "schemas": {"A": {"type": "string"}},
        }

    def test_examples_are_put_in_and_what_they_say_is_left_alone(self, write):
        data = {"$ref": "is data here", "description": {"$ref": "so is this"}}
        write("one.yaml", {"value": data})
        document = answering({"type": "object", "example": data}, examples={"one": {"$ref": "one.yaml"}})

        media = answered(bundle.bundle(str(write("root.yaml", document))))

        assert media == {"schema": {"type": "object", "example": data}, "examples": {"one": {"value": data}}}

    def test_properties_called_like_keywords(self, write):
        write("Text.yaml", {"type": "string"})
        names = ("example", "default", "enum", "items", "properties", "value", "schema")
        schema = {"type": "object", "properties": {name: {"$ref": "Text.yaml"} for name in names}}

        document = bundle.bundle(str(write("root.yaml", answering(schema))))

        expected = {name: {"$ref": "#/components/schemas/Text"} for name in names}
        assert answered(document)["schema"]["properties"] == expected

    def test_what_a_discriminator_maps_to_follows(self, write):
        write("Cat.yaml", {"type": "object", "properties": {"kind": {"type": "string"}}})
        schema = {
            "oneOf": [{"$ref": "Cat.yaml"}],
            "discriminator": {"propertyName": "kind", "mapping": {"c": "Cat.yaml", "d": "Cat"}},
        }

        document = bundle.bundle(str(write("root.yaml", answering(schema))))

        assert answered(document)["schema"]["discriminator"]["mapping"] == {
            "c": "#/components/schemas/Cat",
            "d": "Cat",
        }

    def test_words_beside_a_reference_stay(self, write):
        write("A.yaml", {"type": "string"})
        document = {**answering({"$ref": "A.yaml", "description": "d"}), "openapi": "3.1.0"}

        media = answered(bundle.bundle(str(write("root.yaml", document))))

        assert media["schema"] == {"$ref": "#/components/schemas/A", "description": "d"}


class TestWhatCannotBeUsed:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("swagger: '2.0'", "root.yaml is not an OpenAPI 3 document: it has no openapi version"),
            ("openapi: 2.0.0", "root.yaml is not an OpenAPI 3 document: openapi is '2.0.0'"),
            ("openapi: 3.0", "root.yaml is not an OpenAPI 3 document: openapi is 3.0"),
            ("[a, b]", "root.yaml is not an OpenAPI 3 document: its content is not an object"),
            ("", "root.yaml is not an OpenAPI 3 document: its content is not an object"),
            ("<html>", "root.yaml is not an OpenAPI 3 document: its content is not an object"),
            ("openapi: 3.0.3\ncomponents: [a]", "root.yaml at components.schemas: an object of schemas is missing"),
            (
                "openapi: 3.0.3\ncomponents: {schemas: [a]}",
                "root.yaml at components.schemas: an object of schemas is missing",
            ),
            ("a: [b", "root.yaml is neither YAML nor JSON: .*line 1"),
            ("a: 1\na: 2", "root.yaml is neither YAML nor JSON: .*duplicate key"),
            ("a: &x [*x]", "root.yaml is neither YAML nor JSON: .*recursion"),
        ],
    )
    def test_other_documents(self, write, text, message):
        with pytest.raises(SpecificationError, match=message):
            bundle.bundle(str(write("root.yaml", text)))

    def test_bytes_that_are_no_text(self, tmp_path):
        (tmp_path / "root.yaml").write_bytes(b"a: \xfa\x81")

        with pytest.raises(SpecificationError, match=r"root\.yaml is neither YAML nor JSON"):
            bundle.bundle(str(tmp_path / "root.yaml"))

    def test_an_invalid_part_is_named(self, published):
        published["components"]["schemas"]["Order"]["properties"]["total"]["type"] = "money"

        with pytest.raises(SpecificationError, match=r"at components\.schemas\.Order\S*, .*money") as caught:
            bundle.validate(published, "root.yaml")

        assert len(str(caught.value)) < 600

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(SpecificationError, match=r"nowhere\.yaml cannot be read: .*No such file"):
            bundle.bundle(str(tmp_path / "nowhere.yaml"))

    def test_a_url_that_is_not_there(self, tmp_path, served):
        with pytest.raises(SpecificationError, match=r"nowhere\.yaml cannot be read: .*404"):
            bundle.bundle(f"{served(tmp_path)}/nowhere.yaml")

    def test_a_reference_to_a_file_that_is_not_there(self, write):
        path = write("root.yaml", answering({"type": "array", "items": {"$ref": "./Gone.yaml"}}))

        with pytest.raises(SpecificationError, match=r"root\.yaml at paths\.\S+\.schema\.items: .*Gone\.yaml"):
            bundle.bundle(str(path))

    @pytest.mark.parametrize(
        "target",
        ["#/components/schemas/Gone", "#/components/nothing/Gone", "#/info/title/Gone", "root.yaml#/x"],
    )
    def test_a_reference_to_what_is_not_in_a_document(self, write, target):
        path = write("root.yaml", answering({"$ref": target}))

        with pytest.raises(SpecificationError, match=r"root\.yaml at paths\.\S+\.schema: \$ref leads nowhere"):
            bundle.bundle(str(path))

    def test_references_that_lead_round(self, write):
        write("a.yaml", {"$ref": "b.yaml"})
        write("b.yaml", {"$ref": "a.yaml"})
        path = write("root.yaml", {**MINIMAL, "paths": {"/a": {"$ref": "a.yaml"}}})

        with pytest.raises(SpecificationError, match=r"paths\./a: \$ref '\S+' leads back to itself"):
            bundle.bundle(str(path))

    def test_a_schema_that_is_only_itself(self, write):
        path = write("root.yaml", with_schemas(A={"$ref": "#/components/schemas/A"}))

        with pytest.raises(SpecificationError, match=r"components\.schemas\.A: \$ref \S+ leads back to itself"):
            bundle.bundle(str(path))

    def test_two_schemas_of_one_name(self, write):
        write("a/Thing.yaml", {"type": "string"})
        write("b/Thing.yaml", {"type": "integer"})
        schema = {"oneOf": [{"$ref": "a/Thing.yaml"}, {"$ref": "b/Thing.yaml"}]}

        with pytest.raises(SpecificationError, match=r"both be called Thing: \S+a/Thing.yaml and \S+b/Thing.yaml"):
            bundle.bundle(str(write("root.yaml", answering(schema))))

    def test_a_document_from_the_web_cannot_ask_for_local_files(self, write, served):
        secret = write("secret.yaml", {"type": "string"})
        path = write("public/root.yaml", answering({"$ref": secret.as_uri()}))

        with pytest.raises(SpecificationError, match="leads from a file to the web or from the web to a file"):
            bundle.bundle(f"{served(path.parent)}/root.yaml")

    def test_a_local_document_does_not_ask_the_web(self, write):
        path = write("root.yaml", answering({"$ref": "http://127.0.0.1:1/a.yaml"}))

        with pytest.raises(SpecificationError, match="leads from a file to the web or from the web to a file"):
            bundle.bundle(str(path))

    def test_a_schema_that_is_one_of_itself(self):
        document = with_schemas(A={"oneOf": [{"$ref": "#/components/schemas/A"}], "default": 1})

        with pytest.raises(SpecificationError, match="contains itself through oneOf or anyOf"):
            bundle.validate(document, "root.yaml")


class TestFlatten:
    def test_inherited_and_own_properties(self):
        document = with_schemas(
            Base={"description": "b", "type": "object", "required": ["a"], "properties": {"a": {}, "b": {}}},
            Middle={"allOf": [{"$ref": "#/components/schemas/Base"}]},
            Top={
                "description": "t",
                "required": ["b"],
                "allOf": [
                    {"$ref": "#/components/schemas/Middle"},
                    {"type": "object", "properties": {"b": {"type": "string"}, "c": {}}},
                ],
            },
        )

        flat = bundle.flatten(document)["components"]["schemas"]

        assert flat["Middle"] == flat["Base"]
        assert flat["Top"] == {
            "description": "t",
            "type": "object",
            "required": ["a", "b"],
            "properties": {"a": {}, "b": {"type": "string"}, "c": {}},
        }
        assert "allOf" in document["components"]["schemas"]["Top"]

    def test_a_schema_that_is_part_of_itself(self):
        document = with_schemas(
            A={"allOf": [{"$ref": "#/components/schemas/B"}]},
            B={"allOf": [{"$ref": "#/components/schemas/A"}]},
        )

        with pytest.raises(SpecificationError, match=r"schemas\.A contains itself through allOf: A -> B -> A"):
            bundle.flatten(document)
