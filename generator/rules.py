"""Say of each kind of change whom it breaks.

Every verdict answers two questions:

- On the wire: does a program that runs with the old package still get from the edge what it got before?
- In Python: does code that was written for the old package still run with the new one? Does it still pass a type
  checker, where it builds what it sends and where it reads what it receives?

A place in Python is one of these:

- value: a type checker takes an int for a float, and a member of an enum for a str.
- item: it takes no `list[int]` for a `list[float]`, in either direction. The same is true for the values of a dict.
- argument: an argument of build_request; its lists are sequences, which cannot be changed, so an item is like a value.
- untyped: the package has no type for it, such as a header of an answer.

The answer depends on the direction. A caller sends values that were allowed before, so a narrower schema breaks what
is sent. A caller expects of an answer what was promised before, so a wider schema breaks what is received. A caller
that constructs a received model (on-device decisioning and tests do) gives the arguments that were required before.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from attrs import frozen

Verdict: TypeAlias = Literal["breaks", "check", "safe"]
Direction: TypeAlias = Literal["sent", "received", "both", "neither"]
Typing: TypeAlias = Literal["value", "item", "argument", "untyped"]

WORST_FIRST: Final[tuple[Verdict, ...]] = ("breaks", "check", "safe")


@frozen
class Rule:
    """One kind of change, and what it means."""

    kind: str
    sent_wire: Verdict
    """For values that are sent, on the wire."""
    sent_python: Verdict
    """For values that are sent, in Python."""
    received_wire: Verdict
    received_python: Verdict
    adds: bool
    """Whether the change adds something that callers can use, so that it needs a minor version even if it is safe."""
    why: str

    def verdict(self, direction: Direction, typing: Typing = "value") -> Verdict:
        """Return the worst verdict of those that concern `direction` at a place that Python types in this way.

        A schema that no operation uses still has a class, so only the verdicts for Python concern it.
        """
        found: list[Verdict] = [SAFE]
        if direction in ("sent", "both"):
            found.append(self.sent_wire)
        if direction in ("received", "both"):
            found.append(self.received_wire)
        if typing != "untyped":
            if direction != "received" or typing == "item":
                found.append(self.sent_python)
            if direction != "sent" or typing == "item":
                found.append(self.received_python)
        return next(verdict for verdict in WORST_FIRST if verdict in found)


BREAKS: Final[Verdict] = "breaks"
CHECK: Final[Verdict] = "check"
SAFE: Final[Verdict] = "safe"
ADDS: Final = True
KEEPS: Final = False

# fmt: off
TABLE: Final = (
    #    kind                               sent            received        Python
    #                                       wire    Python  wire    Python  surface

    # The type of a value. Enums are open: a listed and an unlisted value are both strings in Python.
    Rule("integer became number",           SAFE,   SAFE,   BREAKS, BREAKS, KEEPS,
         "An int is a float for a type checker; an answer may now contain 1.5, which the old package cannot read."),
    Rule("number became integer",           BREAKS, BREAKS, SAFE,   SAFE,   KEEPS,
         "The edge refuses 1.5; every integer in an answer could be read before."),
    Rule("string became enum",              BREAKS, BREAKS, SAFE,   SAFE,   KEEPS,
         "The edge refuses strings that are not listed, and a type checker refuses a str; an enum is a str to read."),
    Rule("enum became string",              SAFE,   SAFE,   SAFE,   BREAKS, KEEPS,
         "A member of the enum is a str; code that uses .value or `is` on the value of an answer fails."),
    Rule("string got a format",             BREAKS, SAFE,   SAFE,   SAFE,   KEEPS,
         "The edge may refuse other strings; the value is a str in Python as before."),
    Rule("string lost its format",          SAFE,   SAFE,   CHECK,  SAFE,   KEEPS,
         "The value is a str as before; code that parses it may find another form."),
    Rule("string got another format",       BREAKS, SAFE,   BREAKS, SAFE,   KEEPS,
         "The form of the string changed, although it is a str in Python as before."),
    Rule("string became date-time",         BREAKS, BREAKS, SAFE,   BREAKS, KEEPS,
         "A datetime takes the place of a str in Python."),
    Rule("date-time became string",         SAFE,   BREAKS, CHECK,  BREAKS, KEEPS,
         "A str takes the place of a datetime in Python."),
    Rule("number format narrower",          BREAKS, SAFE,   SAFE,   SAFE,   KEEPS,
         "The edge refuses numbers outside the narrower range."),
    Rule("number format wider",             SAFE,   SAFE,   CHECK,  SAFE,   KEEPS,
         "Python reads numbers of any width; a database column of the caller may be too narrow."),
    Rule("number format equivalent",        SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "The new format has the same numbers."),
    Rule("number format changed",           CHECK,  SAFE,   CHECK,  SAFE,   KEEPS,
         "The generator does not know the format. Python has an int or a float as before."),
    Rule("any value became one type",       BREAKS, BREAKS, SAFE,   SAFE,   KEEPS,
         "The edge refuses values of other types; code that reads any JSON value can read this one."),
    Rule("one type became any value",       SAFE,   SAFE,   BREAKS, BREAKS, KEEPS,
         "The old type is still accepted; an answer may now contain a value of another type."),
    Rule("any value became a Python type",  BREAKS, BREAKS, SAFE,   BREAKS, KEEPS,
         "The edge refuses other types; a type checker takes no such list, dict, class or datetime as JSON."),
    Rule("a Python type became any value",  SAFE,   BREAKS, BREAKS, BREAKS, KEEPS,
         "A type checker takes no such list, dict, class or datetime as JSON; an answer may contain another type."),
    Rule("type changed",                    BREAKS, BREAKS, BREAKS, BREAKS, KEEPS,
         "Values of the old type do not fit the new one."),
    Rule("class changed",                   BREAKS, BREAKS, BREAKS, BREAKS, KEEPS,
         "The value has another class in Python."),
    Rule("class removed",                   SAFE,   BREAKS, SAFE,   BREAKS, KEEPS,
         "The class no longer exists, so importing it fails."),
    Rule("class added",                     SAFE,   SAFE,   SAFE,   SAFE,   ADDS,
         "A schema without a class gets one."),

    # Alternatives: oneOf and anyOf. A change inside an alternative has the verdict of its own kind.
    Rule("alternative added",               SAFE,   SAFE,   BREAKS, BREAKS, ADDS,
         "An answer may now contain a kind of value that the old package cannot read and the code does not expect."),
    Rule("readable alternative added",      SAFE,   SAFE,   CHECK,  SAFE,   ADDS,
         "The old package reads the new kind of value, too; the code may not expect it."),
    Rule("alternative removed",             BREAKS, BREAKS, SAFE,   SAFE,   KEEPS,
         "The edge refuses a kind of value that it accepted; code that handles it in an answer is merely unused."),
    Rule("wider Python type",               SAFE,   SAFE,   SAFE,   BREAKS, KEEPS,
         "A type checker does not take the new type of an answer where code expects the old one."),
    Rule("narrower Python type",            SAFE,   BREAKS, SAFE,   SAFE,   KEEPS,
         "A type checker does not take a value of the old type in a request."),
    Rule("another Python type",             SAFE,   BREAKS, SAFE,   BREAKS, KEEPS,
         "A type checker takes neither type for the other: the alternatives cannot be told apart, or now they can."),
    Rule("discriminator added",             CHECK,  SAFE,   SAFE,   SAFE,   KEEPS,
         "The edge may refuse a request without the tag. A change of the type in Python has a line of its own."),
    Rule("discriminator removed",           SAFE,   SAFE,   CHECK,  SAFE,   KEEPS,
         "An answer may lack the tag. A change of the type in Python has a line of its own."),
    Rule("discriminator changed",           BREAKS, SAFE,   BREAKS, SAFE,   KEEPS,
         "Another property has the tag, so the edge cannot tell the old requests apart, nor the old package answers."),
    Rule("discriminator of a class",        SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "A discriminator without alternatives has no effect on the class."),
    Rule("discriminator value added",       SAFE,   SAFE,   CHECK,  SAFE,   ADDS,
         "An answer may now contain another tag; objects with an unknown tag stay a dict."),
    Rule("discriminator value removed",     BREAKS, BREAKS, SAFE,   SAFE,   KEEPS,
         "The edge may refuse the class."),
    Rule("discriminator value changed",     BREAKS, BREAKS, BREAKS, BREAKS, KEEPS,
         "The value stands for another class."),

    # Null. Absent and null are both None in Python.
    Rule("null allowed",                    SAFE,   SAFE,   BREAKS, BREAKS, KEEPS,
         "The old package cannot read null here; the value is `X | None` in Python."),
    Rule("null allowed where optional",     SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "The field was `X | None` before, and null is read as None."),
    Rule("null refused",                    BREAKS, BREAKS, SAFE,   SAFE,   KEEPS,
         "The edge refuses null; the value is `X` in Python, which fits where `X | None` is expected."),
    Rule("null refused where optional",     BREAKS, SAFE,   SAFE,   SAFE,   KEEPS,
         "The edge refuses null, which a body given as a dict may contain; the field is `X | None` as before."),

    # Properties.
    Rule("property added",                  SAFE,   SAFE,   SAFE,   SAFE,   ADDS,
         "The new field may be left out; the old package keeps it in additional_properties."),
    Rule("required property added",         BREAKS, BREAKS, SAFE,   BREAKS, ADDS,
         "The edge refuses a request without it; code that constructs the class lacks a keyword argument."),
    Rule("property removed",                BREAKS, BREAKS, BREAKS, BREAKS, KEEPS,
         "The field no longer exists in Python, and its value is no longer used or no longer sent by the edge."),
    Rule("property required",               BREAKS, BREAKS, SAFE,   BREAKS, KEEPS,
         "The edge refuses a request without it; code that constructs the class without it raises TypeError."),
    Rule("property not required",           SAFE,   SAFE,   BREAKS, BREAKS, KEEPS,
         "An answer may lack the field: the old package cannot read such an answer, and the new field may be None."),
    Rule("one-way property required",       BREAKS, SAFE,   SAFE,   SAFE,   KEEPS,
         "Only requests or only answers contain the field, so it is optional in Python in any case."),
    Rule("one-way property not required",   SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "Only requests or only answers contain the field, so it was optional in Python already."),
    Rule("optional in Python",              SAFE,   SAFE,   SAFE,   BREAKS, KEEPS,
         "Only requests or only answers contain the field, so it may be None in Python."),
    Rule("required in Python",              BREAKS, BREAKS, SAFE,   BREAKS, KEEPS,
         "Requests and answers contain the field; code that constructs the class without it raises TypeError."),
    Rule("unlisted name required",          BREAKS, SAFE,   SAFE,   SAFE,   KEEPS,
         "The edge may refuse a request without a member that the specification does not describe."),
    Rule("unlisted name not required",      SAFE,   SAFE,   CHECK,  SAFE,   KEEPS,
         "An answer may lack a member that the specification does not describe."),
    Rule("other members refused",           BREAKS, SAFE,   SAFE,   SAFE,   KEEPS,
         "The edge refuses members that the schema does not name (additional_properties)."),
    Rule("other members allowed",           SAFE,   SAFE,   SAFE,   SAFE,   ADDS,
         "Members that the schema does not name are kept in additional_properties."),
    Rule("readOnly added",                  BREAKS, SAFE,   SAFE,   SAFE,   KEEPS,
         "A request must not contain the field."),
    Rule("readOnly removed",                SAFE,   SAFE,   SAFE,   SAFE,   ADDS,
         "A request may contain the field."),
    Rule("writeOnly added",                 SAFE,   SAFE,   BREAKS, SAFE,   KEEPS,
         "An answer no longer contains the field."),
    Rule("writeOnly removed",               SAFE,   SAFE,   SAFE,   SAFE,   ADDS,
         "An answer may contain the field."),
    Rule("x-list-when",                     SAFE,   BREAKS, SAFE,   BREAKS, KEEPS,
         "The generator reads this extension: lists become models, or no longer."),

    # Enums, limits and defaults. The models check no limits, so limits concern the wire only.
    Rule("enum member added",               SAFE,   SAFE,   SAFE,   SAFE,   ADDS,
         "Enums are open: the value could be read before, and now it has a name."),
    Rule("enum member removed",             BREAKS, BREAKS, SAFE,   BREAKS, KEEPS,
         "The edge refuses the value, and the member of the Python enum is gone."),
    Rule("listed value added",              SAFE,   SAFE,   CHECK,  SAFE,   ADDS,
         "Values that are no strings have no enum in Python; code that handles each value may meet a new one."),
    Rule("listed value removed",            BREAKS, SAFE,   SAFE,   SAFE,   KEEPS,
         "The edge refuses the value. Values that are no strings have no enum in Python."),
    Rule("limit tighter",                   BREAKS, SAFE,   SAFE,   SAFE,   KEEPS,
         "The edge refuses values that it accepted."),
    Rule("limit looser",                    SAFE,   SAFE,   CHECK,  SAFE,   KEEPS,
         "An answer may contain values beyond the old limit; a database column of the caller may be too small."),
    Rule("limit not comparable",            CHECK,  SAFE,   CHECK,  SAFE,   KEEPS,
         "Which values the old and the new limit admit cannot be compared."),
    Rule("default added",                   CHECK,  SAFE,   SAFE,   SAFE,   KEEPS,
         "The specification now says what an absent value means."),
    Rule("default changed",                 BREAKS, SAFE,   CHECK,  SAFE,   KEEPS,
         "An absent value now means something else."),
    Rule("default removed",                 CHECK,  SAFE,   CHECK,  SAFE,   KEEPS,
         "The edge no longer states what an absent value means."),
    Rule("deprecated added",                SAFE,   CHECK,  SAFE,   CHECK,  ADDS,
         "It still works. A type checker may report its use, and a later version may remove it."),
    Rule("deprecated removed",              SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "Its removal is no longer announced."),

    # Schemas and operations. The columns for sent and received are alike, because a call does both.
    Rule("schema added",                    SAFE,   SAFE,   SAFE,   SAFE,   ADDS,
         "No code uses it yet."),
    Rule("schema without a class added",    SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "It has no class; the values that use it have lines of their own."),
    Rule("schema removed",                  BREAKS, BREAKS, BREAKS, BREAKS, KEEPS,
         "The class no longer exists, so importing it fails."),
    Rule("schema without a class removed",  SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "It had no class; the values that used it have lines of their own."),
    Rule("operation added",                 SAFE,   SAFE,   SAFE,   SAFE,   ADDS,
         "No code calls it yet."),
    Rule("operation removed",               BREAKS, BREAKS, BREAKS, BREAKS, KEEPS,
         "The edge no longer serves it, and its module is gone."),
    Rule("operationId changed",             SAFE,   BREAKS, SAFE,   BREAKS, KEEPS,
         "The id names the module of the operation, so importing the old one fails."),
    Rule("module tag changed",              SAFE,   BREAKS, SAFE,   BREAKS, KEEPS,
         "The first tag names the package of the operation (api.TAG), so importing the old one fails."),
    Rule("name changed, not in Python",     SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "The Python name stays the same."),
    Rule("tags changed",                    SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "Only the first tag of an operation names something in Python."),

    # Parameters.
    Rule("parameter added",                 SAFE,   SAFE,   SAFE,   SAFE,   ADDS,
         "It may be left out."),
    Rule("required parameter added",        BREAKS, BREAKS, BREAKS, BREAKS, ADDS,
         "The edge refuses a request without it, and build_request needs one more argument."),
    Rule("parameter removed",               BREAKS, BREAKS, BREAKS, BREAKS, KEEPS,
         "The argument of build_request is gone, and the edge ignores or refuses the value."),
    Rule("parameter moved",                 BREAKS, SAFE,   BREAKS, SAFE,   KEEPS,
         "The edge looks for the value elsewhere. The argument of build_request has the same name."),
    Rule("parameter required",              BREAKS, BREAKS, BREAKS, BREAKS, KEEPS,
         "The edge refuses a request without it, and build_request requires the argument."),
    Rule("parameter not required",          SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "Requests with the parameter are accepted as before."),
    Rule("ignored parameter changed",       CHECK,  SAFE,   SAFE,   SAFE,   KEEPS,
         "OpenAPI and the package ignore header parameters named Accept, Content-Type and Authorization."),
    Rule("encoding changed",                BREAKS, SAFE,   BREAKS, SAFE,   KEEPS,
         "The value is written in another way (style, explode, allowReserved, encoding)."),
    Rule("empty value refused",             BREAKS, SAFE,   BREAKS, SAFE,   KEEPS,
         "The edge refuses an empty value that it accepted."),
    Rule("empty value allowed",             SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "The edge accepts an empty value as well."),

    # Bodies, responses, media types and headers.
    Rule("body added",                      SAFE,   SAFE,   SAFE,   SAFE,   ADDS,
         "It may be left out."),
    Rule("required body added",             BREAKS, BREAKS, BREAKS, BREAKS, ADDS,
         "The edge refuses a request without a body, and build_request needs one."),
    Rule("body removed",                    BREAKS, BREAKS, BREAKS, BREAKS, KEEPS,
         "The edge no longer reads the body, and build_request takes none."),
    Rule("body required",                   BREAKS, BREAKS, BREAKS, BREAKS, KEEPS,
         "The edge refuses a request without a body, and build_request requires the argument."),
    Rule("body not required",               SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "Requests with a body are accepted as before."),
    Rule("media type added",                SAFE,   SAFE,   CHECK,  SAFE,   ADDS,
         "The edge accepts one more form; it may also answer in it."),
    Rule("media type removed",              BREAKS, BREAKS, BREAKS, BREAKS, KEEPS,
         "The edge no longer reads or sends this form."),
    Rule("content added",                   SAFE,   BREAKS, CHECK,  BREAKS, ADDS,
         "An answer without a body was None in Python, and now has a type."),
    Rule("success response added",          CHECK,  CHECK,  CHECK,  CHECK,  ADDS,
         "The edge may answer with another status than 200; the result has a type that parse returned before."),
    Rule("response of a new type added",    CHECK,  BREAKS, CHECK,  BREAKS, ADDS,
         "parse may return a type that it did not return before."),
    Rule("error response added",            SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "The result has a type that parse returned before."),
    Rule("success response removed",        BREAKS, BREAKS, BREAKS, BREAKS, KEEPS,
         "The edge no longer answers with the status on which callers rely."),
    Rule("error response removed",          CHECK,  CHECK,  CHECK,  CHECK,  KEEPS,
         "The answer to any other status describes this error now."),
    Rule("last error response removed",     CHECK,  BREAKS, CHECK,  BREAKS, KEEPS,
         "No other answer describes this error, so parse raises ModelError for it."),
    Rule("header added",                    SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "The package has no names for the headers of an answer."),
    Rule("header removed",                  SAFE,   SAFE,   BREAKS, SAFE,   KEEPS,
         "Code that reads the header from an Answer finds nothing."),
    Rule("header required",                 SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "Every answer has the header."),
    Rule("header not required",             SAFE,   SAFE,   BREAKS, SAFE,   KEEPS,
         "An answer may lack the header that every answer had."),

    # The document.
    Rule("server added",                    SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "The old address stays. The package takes the address from its caller."),
    Rule("server removed",                  BREAKS, SAFE,   BREAKS, SAFE,   KEEPS,
         "The edge may no longer answer at the old address."),
    Rule("server variable changed",         CHECK,  SAFE,   CHECK,  SAFE,   KEEPS,
         "The address has other parts than before."),
    Rule("security added",                  BREAKS, SAFE,   BREAKS, SAFE,   KEEPS,
         "The edge refuses requests without these credentials."),
    Rule("security alternative added",      SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "The old credentials are accepted as before."),
    Rule("security alternative removed",    BREAKS, SAFE,   BREAKS, SAFE,   KEEPS,
         "The edge refuses credentials that it accepted, or requests without any."),
    Rule("security removed",                SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "Requests need no credentials, or fewer of them."),
    Rule("security scheme added",           SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "Only a requirement makes it count, and has a line of its own."),
    Rule("security scheme removed",         CHECK,  SAFE,   CHECK,  SAFE,   KEEPS,
         "Credentials of this form may no longer be accepted."),
    Rule("security scheme changed",         BREAKS, SAFE,   BREAKS, SAFE,   KEEPS,
         "Credentials must be given in another way."),
    Rule("API version, major",              CHECK,  SAFE,   CHECK,  SAFE,   KEEPS,
         "Adobe announces an incompatible version: look for changes that a specification does not express."),
    Rule("API version",                     SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "The other lines say what changed."),
    Rule("information changed",             SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "Contact, license, terms, links to documentation and OpenAPI version have no effect on calls."),
    Rule("callback or link changed",        CHECK,  SAFE,   CHECK,  SAFE,   KEEPS,
         "The package has no code for callbacks, links and webhooks."),
    Rule("extension changed",               SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "The generator does not read this extension."),
    Rule("unused definition changed",       SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "The change has a line of its own wherever the definition is used."),
    Rule("written differently",             SAFE,   SAFE,   SAFE,   SAFE,   KEEPS,
         "The meaning is the same."),
    Rule("no rule",                         CHECK,  CHECK,  CHECK,  CHECK,  KEEPS,
         "No rule knows this change: a person has to judge it."),
)
# fmt: on

RULES: Final = {rule.kind: rule for rule in TABLE}
