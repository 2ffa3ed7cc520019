"""Random ids."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

import pytest

from target_delivery._core.ids import new_id


def test_an_id_is_a_random_uuid_as_text() -> None:
    for _ in range(100):
        made = new_id()
        read = UUID(made)
        assert (str(read), read.version, read.variant) == (made, 4, RFC_4122)


def test_no_two_threads_get_the_same_id() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: [new_id() for _ in range(1000)], range(8)))
    assert len({one for some in made for one in some}) == 8000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_makes_ids_of_its_own() -> None:
    program = (
        "import os\n"
        "from target_delivery._core.ids import new_id\n"
        "new_id()\n"
        "child = os.fork()\n"
        "if child: os.waitpid(child, 0)\n"
        "print(new_id(), flush=True)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert len(set(run.stdout.split())) == 2
