"""The report of each evolution: its lines, its verdict and the suggested version."""

import pytest

from generator import bundle, compare, overlay
from generator.report import Report

from .evolutions import EVOLUTIONS


@pytest.mark.parametrize("evolution", EVOLUTIONS, ids=lambda evolution: evolution.name)
def test_an_evolution(published, overlay_document, evolution):
    new = evolution.apply(published)
    plain = bundle.flatten(published), bundle.flatten(new)
    seen = tuple(bundle.flatten(overlay.apply(overlay_document, side)) for side in (published, new))

    report = Report(compare.changes(plain, seen))

    lines = tuple(sorted(f"{change.place}: {change.text}" for change in report.changes))
    assert (lines, report.verdict, report.step) == (tuple(sorted(evolution.lines)), evolution.verdict, evolution.step)


def test_there_are_many_of_different_names():
    assert len({evolution.name for evolution in EVOLUTIONS}) == len(EVOLUTIONS) >= 60
