"""The sidebar app as the zip that Admin Center takes: `make zendesk-app ARGS="--host backstop.example.com"`.

The host is written into the manifest, because Zendesk sends a secure setting only to hosts that are named there.
Without a host the app shows what the ticket's fields and tags say, and the settings that would need a host are left out.
"""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import click

APP = Path(__file__).with_name("app")
NEEDED = {
    "manifest.json",
    "assets/iframe.html",
    "assets/logo.png",
    "assets/logo-small.png",
    "translations/en.json",
}
SERVER = {"backstop_url", "desk", "token"}
EPOCH = (2026, 1, 1, 0, 0, 0)  # the same files make the same zip, byte for byte


def manifest(host: str) -> dict[str, Any]:
    """The manifest for one server, or for none."""
    found: dict[str, Any] = json.loads((APP / "manifest.json").read_text(encoding="utf-8"))
    if host:
        found["domainWhitelist"] = [host]
    else:
        del found["domainWhitelist"]
        found["parameters"] = [one for one in found["parameters"] if one["name"] not in SERVER]
    return found


def translations(wanted: dict[str, Any]) -> dict[str, Any]:
    """The texts of the settings that are left."""
    found: dict[str, Any] = json.loads((APP / "translations/en.json").read_text(encoding="utf-8"))
    names = {one["name"] for one in wanted["parameters"]}
    found["app"]["parameters"] = {k: v for k, v in found["app"]["parameters"].items() if k in names}
    return found


def build(target: Path, host: str = "") -> list[str]:
    """Write the zip; the names in it."""
    described = manifest(host)
    made = {"manifest.json": described, "translations/en.json": translations(described)}
    names = sorted(str(path.relative_to(APP)) for path in APP.rglob("*") if path.is_file())
    missing = NEEDED - set(names)
    if missing:
        raise click.ClickException(f"{', '.join(sorted(missing))}: Zendesk wants it, and it is not in {APP}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            data = json.dumps(made[name], indent=2).encode() if name in made else (APP / name).read_bytes()
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED)
    return names


@click.command()
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--host", default="", help="Where Backstop is reached, for example backstop.example.com.")
def main(target: Path, host: str) -> None:
    """Write TARGET."""
    if host and not re.fullmatch(r"(?!-)[a-z0-9.-]+\.[a-z]{2,}", host):
        raise click.UsageError(f"--host {host!r}: write the bare name, without https:// and path")
    names = build(target, host)
    click.echo(
        f"{target}: {len(names)} files. Admin Center > Apps and integrations > Zendesk Support apps > Upload private app."
    )


if __name__ == "__main__":
    main()
