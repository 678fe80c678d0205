"""The demo's `backstop.toml`, `.env` and reply templates, written as an admin would write them."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core.environment import PREFIX
from demo.people import AUTH_TOKEN

HERE = Path(__file__).parent
DESK = "support"
QUEUES = ("Support", "Orders", "Billing", "Security", "Engineering", "Product", "Returns")
INTENTS = (
    ("order_status", "low", "Orders", "order_status.txt"),
    ("login_problem", "", "Support", "login_problem.txt"),
    ("return_exchange", "", "Returns", "return_exchange.txt"),
    ("invoice_request", "low", "Billing", "invoice_request.txt"),
    ("billing_dispute", "urgent", "Billing", ""),
    ("account_compromise", "urgent", "Security", ""),
    ("critical_bug", "urgent", "Engineering", ""),
    ("bug_report", "", "Engineering", ""),
    ("damaged_or_wrong_item", "high", "Returns", ""),
    ("refund_request", "", "Billing", ""),
    ("cancellation", "", "Billing", ""),
    ("feature_request", "low", "Product", ""),
    ("product_question", "", "Product", ""),
    ("human_request", "", "Support", ""),
)
EXAMPLES = {  # what an admin adds where the starter's own examples are not enough
    "invoice_request": (
        "Could you send us the invoice for our order with our VAT number on it?",
        "We need a copy of the invoice for our accounts, please.",
        "I cannot find the invoice in the portal, where can I download it?",
        "Please issue the invoice to our company address instead.",
        "Hello, please send us a copy of the invoice with our VAT number, we cannot find it in the portal.",
    )
}
_SECRET = re.compile(r"secret|key|token|password")


def write(
    home: Path, *, desk: Mapping[str, Any], public_url: str, people_url: str, smtp_url: str, sweep: str
) -> Path:
    """Everything into `home`; return the path of `backstop.toml`."""
    secret = {name: value for name, value in desk.items() if _SECRET.search(name)}
    table = [(name, json.dumps(value)) for name, value in desk.items() if name not in secret]
    env = Environment(  # TOML, not HTML  # noqa: S701  # nosec B701
        loader=FileSystemLoader(HERE), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = env.get_template("backstop.toml.jinja").render(
        database_url=f"sqlite:///{home / 'backstop.db'}",
        public_url=public_url,
        port=public_url.rpartition(":")[2],
        sweep=sweep,
        desk=DESK,
        desk_table=table,
        intents=INTENTS,
        examples=EXAMPLES,
        people_url=people_url,
        smtp_url=smtp_url,
    )
    path = home / "backstop.toml"
    path.write_text(text, encoding="utf-8")
    lines = [f"{PREFIX}DESKS__{DESK.upper()}__{name.upper()}={value}" for name, value in secret.items()]
    lines.append(f"{PREFIX}CHANNELS__SMS__ONCALL__AUTH_TOKEN={AUTH_TOKEN}")
    (home / ".env").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.copytree(HERE / "replies", home / "templates")
    return path


def forget_environment() -> None:
    """A Backstop configured in this shell must not reach into the demo, nor the demo reach a real desk."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
