"""A body that is being received."""

from __future__ import annotations

import pytest

from target_delivery_api.body import Body
from target_delivery_api.errors import AnswerTooLarge


def test_the_error_of_a_body_that_is_too_large_does_not_keep_the_body() -> None:
    body = Body(200, {}, 2**20)
    assert not body.add(b"a" * 2**20)
    with pytest.raises(AnswerTooLarge) as error:
        body.add(b"a")
    # A kept error keeps its traceback, which refers to the body.
    assert error.value.__traceback__ is not None
    assert body.answer().content == b""
