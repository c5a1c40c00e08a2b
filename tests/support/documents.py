"""The pages of the repository: their links, commands and snippets, as a reader would take them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.support.paths import ROOT

_LINK = re.compile(r"\]\(((?!https?://)[^)]+)\)")
_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_ASSIGNED = re.compile(r'^(\w+)=(?:"([^"]*)"|(\S+))$')


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def prose(self) -> str:
        """The text without its blocks of code."""
        return re.sub(r"^```.*?^```$", "", self.text, flags=re.DOTALL | re.MULTILINE)

    def blocks(self, language: str) -> list[str]:
        """The fenced blocks of a language."""
        pattern = rf"^```{language}\n(.*?)^```$"
        return re.findall(pattern, self.text, flags=re.DOTALL | re.MULTILINE)

    def links(self) -> list[str]:
        """Targets of the links and pictures that lead to this repository, FILE#HEADING."""
        return _LINK.findall(self.prose)

    def anchors(self) -> set[str]:
        """What a link may name after #, as GitHub makes it of the headings."""
        headings = re.findall(r"^#+ (.+)$", self.prose, flags=re.MULTILINE)
        plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
        return {words.replace(" ", "-") for words in plain}

    def code(self) -> list[str]:
        """What stands between backticks in the prose, on one line each."""
        return [" ".join(words.split()) for words in _CODE.findall(self.prose)]

    def commands(self) -> list[str]:
        """The commands of the shell, one a line, variables of the same block put in."""
        found = [words for words in self.code() if words.startswith("python ")]
        for block in self.blocks("bash"):
            known: dict[str, str] = {}
            for line in re.sub(r"\\\n\s*", "", block).splitlines():
                line = line.strip()
                for name, value in known.items():
                    line = line.replace(f"${name}", value)
                assigned = _ASSIGNED.match(line)
                if assigned:
                    known[assigned[1]] = assigned[2] or assigned[3]
                elif line and not line.startswith("#") and "=$(" not in line:
                    found += line.split(" && ")
        return found


def pages() -> list[Page]:
    """All pages that people read here; not the model cards, which a program writes."""
    paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "space/README.md"]
    return [Page(path) for path in (*paths, *sorted((ROOT / "docs").glob("*.md")))]


def page(name: str) -> Page:
    return Page(ROOT / name)
