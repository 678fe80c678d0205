"""Every fault of a template raises BrokenTemplate, in bounded time and without the data filled in."""

from __future__ import annotations

import time

import pytest

from core.errors import BrokenTemplate
from core.sandbox import LONGEST, environment, render

NS = "{% set ns = namespace(x=%s) %}{% for i in range(60) %}"
FAULTS = {
    "a name that is not there": "{{ missing }}",
    "a sign": "{% if %}",
    "a template of no such name": "{% include 'nowhere.txt' %}",
    "itself": "{% include 'bad.txt' %}",
    "the program behind it": "{{ name.__init__.__globals__ }}",
    "a type": "{{ name + 1 }}",
    "a call": "{{ name() }}",
    "a division": "{{ 1 / 0 }}",
    "recursion": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "a range without end": "{% for i in range(10**9) %}x{% endfor %}",
    "loops that do nothing": "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
    "too much": "{% for i in range(9999) %}some words of it {% endfor %}",
    "a power": "{{ 10 ** 10 ** 10 }}",
    "a product": "{{ 'x' * 10000 * 10000 }}",
    "a list": "{{ [1] * 9999 * 9999 }}",
    "a filter": "{{ 'a' | center(10**6 * 1000) }}",
    "a width": "{{ '%9999999999d' % 1 }}",
    "a width, by a filter": "{{ '%9999999999d' | format(1) }}",
    "a width, by a method": "{{ '{:>9999999999}'.format(1) }}",
    "doubling": NS.replace("%s", "'a'") + "{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
    "doubling, by a method": NS.replace("%s", "'aa'")
    + "{% set ns.x = ns.x.replace('a', ns.x) %}{% endfor %}{{ ns.x }}",
    "doubling of a list": NS.replace("%s", "['a']") + "{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
    "squares": NS.replace("%s", "9") + "{% set ns.x = ns.x * ns.x %}{% endfor %}{{ ns.x }}",
    "nothing": "{% if not name %}Hello{% endif %}",
    "spaces": " \n\t",
}


@pytest.mark.parametrize("source", FAULTS.values(), ids=FAULTS)
def test_whatever_is_wrong_with_a_template_is_said_of_it(tmp_path, source):
    (tmp_path / "bad.txt").write_text(source)
    begun = time.process_time()
    with pytest.raises(BrokenTemplate, match=r"template bad\.txt") as caught:
        render(environment([tmp_path]), "bad.txt", {"name": "Cassandra"})
    assert "Cassandra" not in str(caught.value)
    assert time.process_time() - begun < 10


def test_a_file_in_another_encoding_is_named_with_the_remedy(tmp_path):
    (tmp_path / "bad.txt").write_bytes("Grüß Gott".encode("latin-1"))
    with pytest.raises(BrokenTemplate, match=r"bad\.txt: byte 3 is not UTF-8: save the file as UTF-8"):
        render(environment([tmp_path]), "bad.txt", {})


def test_the_line_is_named(tmp_path):
    (tmp_path / "bad.txt").write_text("Hello\n\n{{ 1 / 0 }}")
    with pytest.raises(BrokenTemplate, match=r"bad\.txt, line 3: ZeroDivisionError"):
        render(environment([tmp_path]), "bad.txt", {})


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ 'Tel. 0800 12345678, %s' % name }}", "Tel. 0800 12345678, A"),
        ("{{ 'No. 12345678: %5s' | format(name) }}", "No. 12345678:     A"),
        ("{{ '{} 12345678'.format(name) }}", "A 12345678"),
        ("{% for i in range(3) %}{{ i * 2 }}{{ 2 ** i }}{% endfor %}", "012244"),
        ("{{ ('12345678 ' ~ name) | upper | truncate(20) }}", "12345678 A"),
        ("{{ '\\x00\\ud800' }}ok", "?ok"),
        ("x" * LONGEST, "x" * LONGEST),
    ],
)
def test_what_an_admin_may_write_is_left_alone(tmp_path, source, text):
    (tmp_path / "good.txt").write_text(source)
    assert render(environment([tmp_path]), "good.txt", {"name": "A"}) == text
