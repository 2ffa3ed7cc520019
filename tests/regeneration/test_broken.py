"""Specifications that cannot be used: one sentence each, and the tree stays as it was."""

import copy
import json

import pytest

from generator import __main__ as command

from .broken import BROKEN


@pytest.mark.parametrize(("broken", "sentence"), [pytest.param(*rest, id=name) for name, *rest in BROKEN])
def test_a_broken_document(house, tree, tmp_path, published, capsys, broken, sentence):
    path = tmp_path / "broken.yaml"
    if callable(broken):
        document = copy.deepcopy(published)
        broken(document)
        path.write_text(json.dumps(document), encoding="utf-8")
    else:
        path.write_bytes(broken if isinstance(broken, bytes) else broken.encode())
    before = tree(house)

    assert command.main(["--spec", str(path)], root=house) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert sentence in err
    assert len(err) < 700
    assert tree(house) == before
