"""Which licence a text is, by the words in it; part of Scripts/sbom."""
import re
from pathlib import Path

# Words that stand in a licence's text and in no other's.
LICENCES = {
    "Apache-2.0": ("apache license version 2.0, january 2004", "end of terms and conditions"),
    "MIT": ("permission is hereby granted, free of charge", "copyright notice and this permission notice shall"),
    "ISC": ("permission to use, copy, modify, and/or distribute this software for any purpose with or without fee",),
    "BSD-3-Clause": ("redistributions of source code must retain", "redistributions in binary form", "neither the name of"),
    "BSD-2-Clause": ("redistributions of source code must retain", "redistributions in binary form"),
    "Zlib": ("the origin of this software must not be misrepresented", "altered source versions must be plainly marked"),
    "MPL-2.0": ("mozilla public license", "2.0"),
    "LGPL": ("gnu lesser general public license",),
    "AGPL": ("gnu affero general public license",),
    "GPL": ("gnu general public license",),
}

# The same for the comment at the head of a file.
HEADS = {
    "Apache-2.0": "licensed under the apache license",
    "MIT": "permission is hereby granted, free of charge",
    "ISC": "permission to use, copy, modify, and/or distribute",
    "BSD": "redistribution and use in source and binary forms",
    "GPL": "general public license",
}


def licence_of(text: str) -> str | None:
    """The licence's SPDX expression, by the words in its text; None if none or more than one of those above fits."""
    words = re.sub(r"\s+", " ", text).lower()
    found = [name for name, marks in LICENCES.items() if all(mark in words for mark in marks)]
    if "BSD-3-Clause" in found:
        found.remove("BSD-2-Clause")
    if len(found) != 1:
        return None
    exception = "runtime library exception to the apache 2.0 license" in words
    return f"{found[0]} WITH Swift-exception" if exception else found[0]


def licences_of_heads(folder: Path) -> list[str]:
    found = set()
    for path in folder.rglob("*"):
        if path.is_file():
            head = re.sub(r"(?m)^[\s/*#]+", " ", path.read_text(errors="replace")[:6000])
            head = re.sub(r"\s+", " ", head).lower()
            found |= {name for name, mark in HEADS.items() if mark in head}
    return sorted(found)


def copyrights(*texts: str) -> str:
    lines = [line.strip(" *#") for text in texts for line in text.splitlines()]
    kept = [line for line in lines if re.match(r"copyright\b.*\d{4}", line, re.IGNORECASE)]
    return "\n".join(dict.fromkeys(kept)) or "NOASSERTION"
