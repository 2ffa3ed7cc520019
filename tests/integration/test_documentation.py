"""README and docs/ are true: code runs, commands exist, links lead somewhere, figures are those of the benchmarks."""

from __future__ import annotations

import asyncio
import re
import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from attrs import frozen
from yarl import URL

from target_delivery import AsyncClientOptions, ClientOptions, TargetClient, __version__, errors
from target_delivery._cli.main import main
from target_delivery.events import EventHandlers
from target_delivery.options import AttributesCallbackOptions
from target_delivery.sandbox import Sandbox
from tests.integration.drivers import OWN_WIRES

ROOT = Path(__file__).parents[2]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md")))
}


@frozen
class Block:
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    text: str

    def run(self, namespace: dict[str, object]) -> None:
        # The empty lines give a traceback the line numbers of the page.
        exec(compile("\n" * self.line + self.text, str(ROOT / self.page), "exec"), namespace)


def blocks_of(page: str) -> Iterator[Block]:
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL):
        yield Block(page, PAGES[page].count("\n", 0, match.start()) + 1, match[1], match[2])


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
PROGRAMS: dict[str, list[Block]] = {}
for block in BLOCKS:
    if block.language == "python":
        if block.text.startswith("# test_"):
            block.run(globals())  # pytest collects its tests, and their fixtures, as if they stood here
        else:
            PROGRAMS.setdefault(block.page, []).append(block)

PRINTED = {
    "README.md": ["home html", "status 200"],
    "docs/calls.md": [
        "home html",
        "checkout on one page",
        "status 200",
        "requestId must have at most 128 characters, not 200",
        "request.execute asks for nothing",
    ],
    "docs/on-device.md": ["decided on-device"],
    "docs/operations.md": ["status 200", "answer mocked"],
    "docs/outbox.md": ["stored 0 confirmed 1"],
    "docs/own-store.md": ["waiting 0"],
    "docs/sandbox.md": ["impressions 1"],
}
"""What the programs of each page print, among other things."""


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox that gets, at the wire, what is meant for a real account."""
    monkeypatch.chdir(tmp_path)  # for the files that the programs make
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with Sandbox(client="acmeclient") as edge:

        def moved(request: httpx.Request) -> httpx.Request:
            assert request.url.host.endswith((".tt.omtrdc.net", ".adobetarget.com", "127.0.0.1"))
            host, port = edge.server_domain.split(":")
            if request.url.host != host:
                request.url = request.url.copy_with(scheme="http", host=host, port=int(port))
            return request

        handle, handle_async = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request
        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda self, request: handle(self, moved(request)))
        # The programs send with httpx, whose requests can be moved.
        for wire in OWN_WIRES:
            if wire.name.endswith("-httpx"):
                wire.prepare(monkeypatch)
        monkeypatch.setattr(
            httpx.AsyncHTTPTransport, "handle_async_request", lambda self, request: handle_async(self, moved(request))
        )
        request_async = aiohttp.ClientSession._request

        def move_async(self: aiohttp.ClientSession, method: str, url: URL, **more: Any) -> Any:
            moved_url = moved(httpx.Request(method, str(url))).url
            return request_async(self, method, URL(str(moved_url), encoded=True), **more)

        monkeypatch.setattr(aiohttp.ClientSession, "_request", move_async)
        yield edge
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("page", PROGRAMS)
def test_the_programs_of_a_page_run(page: str, account: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other, in one namespace: a later program may use what an earlier one made."""
    namespace: dict[str, object] = {"__name__": "program"}
    try:
        for block in PROGRAMS[page]:
            block.run(namespace)
        if "app" in namespace:
            cookies = asyncio.run(cookies_of(namespace["app"]))
            assert cookies.keys() == {"mbox", "mboxEdgeCluster"}
    finally:
        for client in namespace.values():
            if isinstance(client, TargetClient):
                client.close()
    printed = capsys.readouterr().out
    for expected in PRINTED[page]:
        assert expected in printed
    assert namespace.get("again", []) == [], "the edge processed every notification"
    assert account.ledger.rejected == 0


async def cookies_of(app: Any) -> dict[str, str]:
    """Ask the web app, a Starlette, for its page; return the cookies that it sets."""
    browser = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")
    async with app.router.lifespan_context(app), browser:
        answer = await browser.get("/", headers={"cookie": "mboxEdgeCluster=35; mbox=malformed"})
        assert answer.status_code == 200
        assert answer.text
        return dict(answer.cookies)


def test_the_first_two_commands_of_the_readme_are_one_line_each() -> None:
    demo, checks = [block.text for block in BLOCKS if (block.page, block.language) == ("README.md", "sh")][:2]
    assert demo.count("\n") == checks.count("\n") == 1
    assert demo.endswith("target-delivery demo\n")
    assert "nox" in checks


COMMANDS = [
    (block.page, line.removeprefix("$ ").partition(" #")[0].strip())
    for block in BLOCKS
    if block.language == "console"
    for line in block.text.splitlines()
    if line.startswith("$ ")
]


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_command_exists_with_its_options(page: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = command.split()
    options = [word for word in words if word.startswith("--")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    match [word for word in words if not word.startswith("-")]:
        case ["target-delivery", *names]:
            known = {"decide", "demo", "outbox", "sandbox", "status", "list", "replay", "purge"}
            with pytest.raises(SystemExit):
                main([*(name for name in names if name in known), "--help"])
            known_options = capsys.readouterr().out
        case ["python", "generator", *_]:
            known_options = (ROOT / "generator" / "__main__.py").read_text(encoding="utf-8")
        case ["nox", session, *_]:
            assert f"\ndef {session}(" in (ROOT / "noxfile.py").read_text(encoding="utf-8")
            known_options = "--"
        case [pip, "install", package, *groups] if pip.endswith("pip"):
            extras = re.findall(r"[\w-]+", package.partition("[")[2])
            assert project["project"]["optional-dependencies"].keys() >= set(extras)
            assert project["dependency-groups"].keys() >= set(groups)
            known_options = "--group"
        case ["git", "tag" | "push", *_] | ["python3", "venv", *_] | [".venv/bin/python", "pytest", *_]:
            known_options = ""
        case _:
            pytest.fail(f"{page} has the command {command!r}; say here how to check it")
    assert [option for option in options if option not in known_options] == []


def test_every_import_that_the_migration_table_recommends_works_and_none_that_it_replaces_does() -> None:
    rows = [line.split(" | ") for line in PAGES["docs/migrating.md"].splitlines() if line.startswith("| `")]
    old, new = (re.findall(r"`(from [^`…]+)`", " ".join(row[column] for row in rows)) for column in (0, 1))
    assert old
    assert new
    for statement in new:
        exec(statement.replace(", …", ""), {})
    for statement in old:
        with pytest.raises(ImportError):
            exec(statement.replace(", …", ""), {})
    assert not [row for row in rows if row[1].strip(" |") == "the same"]


def prose_of(page: str) -> str:
    return re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)


def anchors_of(page: str) -> set[str]:
    """Return the anchors of a page: those of its headings, as forges make them, and those that are written out."""
    headings = re.findall(r"^#+ (.*)$", prose_of(page), re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', PAGES[page]))


@pytest.mark.parametrize("page", PAGES)
def test_the_links_of_a_page_lead_somewhere(page: str) -> None:
    broken: list[str] = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        name = target.relative_to(ROOT).as_posix()
        if not target.exists() or (anchor and anchor not in anchors_of(name)):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_found() -> None:
    """Every page under docs/ is linked from the map, docs/index.md."""
    linked = {(ROOT / "docs" / link).resolve() for link in re.findall(r"\]\(([^)#\s]+)\)", PAGES["docs/index.md"])}
    missing = {path for path in ROOT.glob("docs/**/*.md") if path.resolve() not in linked}
    assert missing == {ROOT / "docs" / "index.md"}


def test_the_code_cites_sections_that_exist() -> None:
    """By the path from the root of the repository, as in docs/on-device.md#geo."""
    cited: list[tuple[str, str, str]] = []
    for folder in ("wrapper", "generator", "openapi", "tests/conformance", "tests/unit/decisioning"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".lua", ".yaml", ".jinja"):
                text = path.read_text(encoding="utf-8")
                found = re.findall(r"(?<![\w/-])([\w/-]+\.md)\b(?:#([\w-]+))?", text)
                cited += [(path.relative_to(ROOT).as_posix(), page, anchor) for page, anchor in found]
    assert len(cited) > 10
    broken = [
        (path, page, anchor)
        for path, page, anchor in cited
        if not (ROOT / page).exists() or (anchor and anchor not in anchors_of(page))
    ]
    assert broken == []


def test_the_floors_are_those_of_the_import_contract() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [one for one in project["tool"]["importlinter"]["contracts"] if one["type"] == "layers"]
    floors = [set(layer.split(" | ")) - {"__main__", "_lazy", "_printable", "_version"} for layer in contract["layers"]]
    (picture,) = [block.text for block in blocks_of("docs/architecture.md") if block.text.startswith("+--")]
    drawn = [set(re.findall(r"\w+", line)) for line in picture.splitlines() if line.startswith("|")]
    assert drawn == [*filter(None, floors), {"target_delivery_api"}]


def test_figures_are_those_of_the_benchmarks() -> None:
    """A paragraph that links to the results quotes no number that they do not have."""
    number = re.compile(r"\d+(?:[.,]\d+)*")
    measured = set(number.findall((ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")))
    paragraphs = [(page, text) for page in PAGES for text in prose_of(page).split("\n\n") if "RESULTS.md)" in text]
    assert any(page == "README.md" for page, _ in paragraphs)
    for page, text in paragraphs:
        assert set(number.findall(text)) <= measured, page


def test_the_changelog_names_this_version() -> None:
    sections = re.findall(r"^## \[(.*?)\]", PAGES["CHANGELOG.md"], re.MULTILINE)
    assert sections[:2] == ["Unreleased", __version__]


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("docs/calls.md", ClientOptions.__annotations__),
        ("docs/calls.md", AsyncClientOptions.__annotations__),
        ("docs/calls.md", AttributesCallbackOptions.__annotations__),
        ("docs/calls.md", EventHandlers.__annotations__),
        ("docs/calls.md", errors.__all__),
    ],
    ids=["client options", "asyncio client options", "call options", "events", "errors"],
)
def test_a_page_names_all(page: str, names: list[str]) -> None:
    assert [name for name in names if f"`{name}`" not in PAGES[page]] == []
