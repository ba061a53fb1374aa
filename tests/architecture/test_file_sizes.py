"""Files stay small enough to be read at once."""

from __future__ import annotations

from statistics import median

LONGEST = 300
TYPICAL = 100


def lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_file_is_longer_than_300_lines(product, root):
    long = {
        str(path.relative_to(root)): lines(path)
        for path in product
        if lines(path) > LONGEST and path.parent.name != "versions"
    }
    assert long == {}


def test_half_of_the_files_are_shorter_than_100_lines(product):
    assert median(lines(path) for path in product if lines(path) > 5) < TYPICAL
