"""One mailbox is one name, however its address is spelt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.mailboxes import mailbox_of


@pytest.mark.parametrize(
    ("spelt", "mailbox"),
    [
        ("Victim+7@Mail.example", "victim@mail.example"),
        (" victim@mail.example. ", "victim@mail.example"),
        ("<victim@mail.example>", "victim@mail.example"),
        ('"victim"@mail.example', "victim@mail.example"),
        ("v.i.c.t.i.m+a+b@gmail.com", "victim@gmail.com"),
        ("victim@googlemail.com", "victim@gmail.com"),
        ("vic.tim@googlemail.com.", "victim@gmail.com"),
        ("v-i_c.tim@pm.me", "victim@proton.me"),
        ("victim@mac.com", "victim@icloud.com"),
        ("v.ictim@mail.example", "v.ictim@mail.example"),  # dots matter elsewhere
        ("v-ictim@gmail.com", "v-ictim@gmail.com"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("ann@ＢÜCHER.example", "ann@xn--bcher-kva.example"),
        ("+7@mail.example", "+7@mail.example"),
        ("support:4711", "support:4711"),
        ("", ""),
    ],
)
def test_the_spellings_of_a_mailbox_are_one(spelt, mailbox):
    assert mailbox_of(spelt) == mailbox


@given(st.text(max_size=60) | st.emails())
def test_any_text_has_one_stable_name(address):
    once = mailbox_of(address)
    assert mailbox_of(once) == once
    assert mailbox_of(address.upper()) == mailbox_of(address.upper().lower())


@given(st.emails(), st.text("abc123", min_size=1, max_size=5))
def test_a_tag_makes_no_other_mailbox(address, tag):
    name, _, domain = address.rpartition("@")
    if "+" not in name and '"' not in name:
        assert mailbox_of(f"{name}+{tag}@{domain}") == mailbox_of(address)
