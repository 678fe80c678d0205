"""Pages of the site that live beside the code they speak of, and links between all pages as they stand in the repository."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from connectors import FOLDERS

ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = {
    "README.md": "index.md",
    "DECISIONS.md": "decisions.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "deploy/README.md": "deploying.md",
    "deploy/zendesk-app/README.md": "zendesk-app.md",
    "connectors/channels/README.md": "channels.md",
    **{f"connectors/{vendor}/README.md": f"desks/{vendor}.md" for vendor in FOLDERS},
}
"""Where a page stands in the repository → where it stands in the site."""
SOURCES = {page: source for source, page in ELSEWHERE.items()}
LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?(?=\))")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages from elsewhere."""
    for source, page in ELSEWHERE.items():
        if (ROOT / source).exists():
            files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links written for the repository lead to the same page in the site."""
    here = page.file.src_uri
    source = SOURCES.get(here, f"docs/{here}")
    return LINK.sub(lambda found: _target(found[1], source, here) + (found[2] or ""), markdown)


def _target(link: str, source: str, here: str) -> str:
    meant = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
    there = ELSEWHERE.get(meant) or meant.removeprefix("docs/")
    return posixpath.relpath(there, posixpath.dirname(here) or ".")
