"""No file names a path of the machine it was written on, or a package registry."""

from __future__ import annotations

import re

# Brackets keep this file from matching itself.
TRACES = {
    "a path of a machine": re.compile(rb"(?<![\w.:/~-])/(?:wor[k]|roo[t]|hom[e]|opt/wheel[s])/[\w.]"),
    "a package registry": re.compile(rb"pyp[i][.]org|python[h]osted"),
    "an option that names a registry": re.compile(rb"--(?:extra-)?inde[x]-url|fin[d]-links"),
}


def test_no_file_names_a_machine_or_a_registry(tracked, root):
    matches = {
        f"{path.relative_to(root)}: {what}": match[0].decode(errors="replace")
        for path in tracked
        for what, pattern in TRACES.items()
        if (match := pattern.search(path.read_bytes()))
    }
    assert matches == {}
