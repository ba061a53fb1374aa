"""Nothing that is kept names the machine it was made on, or where packages come from."""

from __future__ import annotations

import re

# Letters in brackets keep this file from naming what it looks for.
TRACES = {
    "a path of a machine": re.compile(rb"(?<![\w.:/~-])/(?:wor[k]|roo[t]|hom[e]|opt/wheel[s])/[\w.]"),
    "a package registry": re.compile(rb"pyp[i][.]org|python[h]osted"),
    "an option that names a registry": re.compile(rb"--(?:extra-)?inde[x]-url|fin[d]-links"),
}


def test_no_file_names_a_machine_or_a_registry(tracked, root):
    found = {
        f"{path.relative_to(root)}: {what}": match[0].decode(errors="replace")
        for path in tracked
        for what, pattern in TRACES.items()
        if (match := pattern.search(path.read_bytes()))
    }
    assert found == {}
