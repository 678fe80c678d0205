"""What is shipped for operating holds together; what a missing tool would show is skipped, with the reason."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from sqlalchemy import make_url

from core.ledger import db
from core.telemetry import gauges
from core.telemetry.counters import Counters
from deploy import backup

ROOT = Path(__file__).resolve().parents[2]
DEPLOY, CHART = ROOT / "deploy", ROOT / "deploy/helm/backstop"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def tool(name):
    """The path of a program; skip the test where it is missing."""
    found = os.environ.get(name.upper().replace("-", "_")) or shutil.which(name)
    return found or pytest.skip(f"{name} is not on this machine")


def run(*command, **kwargs):
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **kwargs
    )


# --- figures: alarms and dashboard ask only for what there is


def asked_for(text):
    return set(re.findall(r"backstop_[a-z_]+", text))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The names a running Backstop exports: those of the code, seen in a scrape where they appear without traffic."""
    engine = db.connect(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'b.db'}")
    db.migrate(engine)
    text = Counters(None, lambda: NOW).render(engine, NOW).decode()
    names = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    return (
        names
        | {f"backstop_{name}_total" for name in gauges.COUNTERS}
        | {f"backstop_{name}_bucket" for name in gauges.HISTOGRAMS}
    )


@pytest.mark.parametrize("file", ["alerts.yaml", "dashboard.json"])
def test_alarms_and_dashboard_ask_only_for_figures_that_are_exported(file, exported):
    asked = asked_for((DEPLOY / file).read_text())
    assert len(asked) > 5
    assert asked <= exported


def test_every_figure_others_may_build_on_is_on_the_dashboard(exported):
    asked = {name.removesuffix("_bucket") for name in asked_for((DEPLOY / "dashboard.json").read_text())}
    former = {f"backstop_{name}{end}" for name in gauges.FORMER.values() for end in ("", "_total")}
    there = {name.removesuffix("_bucket") for name in exported if not name.endswith("_created")}
    assert there - former <= asked


def test_no_alarm_counts_a_ticket_once_for_each_process():
    """Every process reports the figures of all, so a sum over instances would be wrong."""
    for rule in yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"][0]["rules"]:
        bare = re.sub(r"max by \([^)]*\) \((?:increase\()?backstop_", "max(", rule["expr"])
        assert "backstop_" not in bare or rule["expr"].startswith("absent"), rule["alert"]


def test_every_alarm_is_explained_in_the_operations_page():
    page = (ROOT / "docs/operations.md").read_text()
    names = {
        rule["alert"] for rule in yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"][0]["rules"]
    }
    assert names == set(re.findall(r"\| `(Backstop\w+)` \|", page))


def test_panels_of_the_dashboard_do_not_lie_on_each_other():
    taken = {}
    for panel in json.loads((DEPLOY / "dashboard.json").read_text())["panels"]:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert x < 24
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


def test_every_alarm_has_a_case_in_which_it_goes_off():
    cases = yaml.safe_load(Path(__file__).with_name("alerts.test.yaml").read_text())["tests"]
    fired = {one["alertname"] for case in cases for one in case["alert_rule_test"] if one.get("exp_alerts")}
    silent = {
        one["alertname"] for case in cases for one in case["alert_rule_test"] if not one.get("exp_alerts")
    }
    rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"][0]["rules"]
    assert fired == {rule["alert"] for rule in rules}
    waiting = {rule["alert"] for rule in rules if rule["expr"].startswith("max") and "for" in rule}
    assert waiting <= silent, "one that waits must be seen silent before"


def test_the_alarms_go_off_when_they_should_and_stay_silent_otherwise(tmp_path):
    promtool = tool("promtool")
    shutil.copy(DEPLOY / "alerts.yaml", tmp_path)
    shutil.copy(Path(__file__).with_name("alerts.test.yaml"), tmp_path)
    told = run(promtool, "test", "rules", tmp_path / "alerts.test.yaml")
    assert told.returncode == 0, told.stdout + told.stderr


# --- Kubernetes


def manifests(text):
    return [one for one in yaml.safe_load_all(text) if one]


def test_the_manifests_are_what_kubernetes_understands():
    found = manifests((DEPLOY / "kubernetes.yaml").read_text())
    assert {one["kind"] for one in found} >= {"Deployment", "Service", "ConfigMap", "PodDisruptionBudget"}
    for one in found:
        kubernetes_validate.validate(one, "1.30", strict=True)


def test_no_pod_is_root_or_may_write_to_its_root_or_talk_to_the_cluster():
    pods = [
        one["spec"]["template"]["spec"]
        for one in manifests((DEPLOY / "kubernetes.yaml").read_text())
        if one["kind"] == "Deployment"
    ]
    assert len(pods) == 2
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            limits = container["securityContext"]
            assert limits["readOnlyRootFilesystem"] is True
            assert limits["allowPrivilegeEscalation"] is False
            assert limits["capabilities"] == {"drop": ["ALL"]}
            assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/config", "/data", "/tmp"}


def test_the_manifests_are_the_chart_as_helm_renders_it():
    told = run(tool("helm"), "template", "backstop", CHART, "--kube-version", "1.30")
    assert told.returncode == 0, told.stderr
    assert manifests(told.stdout) == manifests((DEPLOY / "kubernetes.yaml").read_text())


def test_every_switch_of_the_chart_renders_to_what_kubernetes_understands():
    switches = [
        "ingress.enabled=true",
        "ingress.tlsSecret=tls",
        "ingress.className=nginx",
        "serviceMonitor.enabled=true",
    ]
    lint = run(tool("helm"), "lint", "--strict", CHART)
    assert lint.returncode == 0, lint.stdout
    told = run(
        tool("helm"),
        "template",
        "other",
        CHART,
        "--kube-version",
        "1.30",
        "--set",
        ",".join(switches),
        "--set",
        r"templates.order_status\.txt=Hello {{ name }}",
    )
    assert told.returncode == 0, told.stderr
    found = manifests(told.stdout)
    for one in found:
        if one["kind"] != "ServiceMonitor":  # a custom resource: its schema is the operator's
            kubernetes_validate.validate(one, "1.30", strict=True)
    assert {"Ingress", "ServiceMonitor"} <= {one["kind"] for one in found}
    config = next(one for one in found if one["kind"] == "ConfigMap")
    assert config["data"]["order_status.txt"].strip() == "Hello {{ name }}"


def by_hand(template: str) -> list[dict]:
    """A template of plain values as Helm would fill it in, for machines without Helm."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def value(found: re.Match[str]) -> str:
        *path, last = found[1].split(".")
        for part in path:
            table = values[part]
        return json.dumps(table[last] if path else values[last])

    text = (CHART / "templates" / template).read_text()
    text = re.sub(r"\{\{- (if|end)[^}]*\}\}\n", "", text)
    text = text.replace('{{ include "backstop.name" . }}', "backstop")
    text = re.sub(r'\{\{- include "backstop.labels" [^}]*\}\}', "{app: backstop}", text)
    text = re.sub(
        r"\{\{ \.Values\.([\w.]+) \| quote \}\}", lambda one: f'"{value(one).strip(chr(34))}"', text
    )
    script = "\n".join(f"    {line}" for line in (CHART / "backup.sh").read_text().splitlines())
    text = text.replace('    {{- .Files.Get "backup.sh" | nindent 4 }}', script)
    assert "{{" not in text
    return manifests(text)


def test_the_charts_back_up_is_what_kubernetes_understands():
    job, config = by_hand("backup.yaml")
    for one in (job, config):
        kubernetes_validate.validate(one, "1.30", strict=True)
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["containers"][0]["command"][2:4] == ["/backups", "30"]
    assert config["data"]["backup.sh"].startswith("#!/usr/bin/env bash")


def test_a_back_up_of_postgres_has_its_name_only_when_it_is_whole_and_the_newest_stay(tmp_path):
    dumps, bin_ = tmp_path / "dumps", tmp_path / "bin"
    dumps.mkdir(), bin_.mkdir()
    for day in range(1, 6):
        (dumps / f"backstop-2026110{day}T020000Z.dump").write_text("old")
    stand_in = bin_ / "pg_dump"
    stand_in.write_text(
        '#!/bin/sh\nfor one in "$@"; do case $one in --file=*) echo "$*" > "${one#--file=}";; esac; done\n'
    )
    stand_in.chmod(0o755)
    script, env = CHART / "backup.sh", os.environ | {"PATH": f"{bin_}:{os.environ['PATH']}"}
    told = run("bash", script, dumps, "3", "0", "--dbname=postgresql://db/backstop", env=env)
    assert told.returncode == 0, told.stderr
    names = sorted(one.name for one in dumps.iterdir())
    assert names[:2] == ["backstop-20261104T020000Z.dump", "backstop-20261105T020000Z.dump"]
    assert len(names) == 3
    assert "--dbname=postgresql://db/backstop" in (dumps / names[2]).read_text()
    assert stat.S_IMODE((dumps / names[2]).stat().st_mode) == 0o600
    stand_in.write_text("#!/bin/sh\nexit 1\n")
    assert run("bash", script, dumps, "3", "0", "x", env=env).returncode == 1
    assert sorted(one.name for one in dumps.iterdir() if one.suffix == ".dump") == names


def test_workers_are_probed_by_the_file_that_their_heartbeat_renews(tmp_path):
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["worker"]
    pods = {
        one["metadata"]["name"]: one
        for one in manifests((DEPLOY / "kubernetes.yaml").read_text())
        if one["kind"] == "Deployment"
    }
    container = pods["backstop-worker"]["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == compose["command"] == ["worker", "--alive", "/tmp/alive"]
    probe = container["livenessProbe"]["exec"]["command"][-1]
    assert compose["healthcheck"]["test"][-1].replace("$$", "$") == probe
    file = tmp_path / "alive"
    here = probe.replace("/tmp/alive", str(file))
    assert run("sh", "-c", here).returncode == 1, "not there yet"
    file.touch()
    assert run("sh", "-c", here).returncode == 0
    os.utime(file, (0, 0))
    assert run("sh", "-c", here).returncode == 1, "no heartbeat for two minutes"


# --- compose, image, units


def test_compose_understands_its_file():
    told = run(
        tool("docker-compose"),
        "-f",
        DEPLOY / "compose.yaml",
        "--profile",
        "tls",
        "config",
        env={**os.environ, "POSTGRES_PASSWORD": "x"},
    )
    assert told.returncode == 0, told.stderr
    assert set(yaml.safe_load(told.stdout)["services"]) == {"web", "worker", "db", "backup", "caddy"}


def test_in_compose_nothing_of_ours_is_reachable_from_outside_but_through_the_proxy():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert services["web"]["ports"] == ["127.0.0.1:8080:8080"]
    for name in ("web", "worker"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
    assert "ports" not in services["db"]


def test_the_image_takes_only_what_runs_and_does_not_run_as_root():
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    assert "USER 10001:10001" in lines
    assert any("--require-hashes" in line for line in lines)
    copied = {
        part
        for line in lines
        if line.startswith("COPY") and "--from" not in line
        for part in line.split()[1:-1]
    }
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == kept
    assert all((ROOT / name).exists() for name in copied)


def test_what_the_image_takes_is_enough_to_configure_and_to_serve(tmp_path):
    app, config = tmp_path / "app", tmp_path / "config"
    for line in (DEPLOY / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY") and "--from" not in line:
            for name in line.split()[1:-1]:
                (app / name).parent.mkdir(parents=True, exist_ok=True)
                source = ROOT / name
                (shutil.copytree if source.is_dir() else shutil.copy)(source, app / name)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("BACKSTOP_")}
    env = kept | {
        "PYTHONPATH": str(app),
        "BACKSTOP_CONFIG": str(config / "backstop.toml"),
        "BACKSTOP_DATABASE_URL": f"sqlite:///{tmp_path}/data.db",
        "BACKSTOP_WEB__HOST": "0.0.0.0",
    }
    flags = [
        "--vendor",
        "freshdesk",
        "--base-url",
        "http://127.0.0.1:9",
        "--public-url",
        "https://b.example.com",
    ]
    begun = run(sys.executable, "-m", "core.cli", "init", *flags, cwd=app, env=env)
    assert begun.returncode == 0, begun.stderr
    where = "import core, webhook_app; print(core.__file__, webhook_app.__file__)"
    served = run(sys.executable, "-c", where, cwd=app, env=env)
    assert served.stdout.split() == [str(app / "core/__init__.py"), str(app / "webhook_app.py")], (
        served.stderr
    )


def test_the_linter_of_dockerfiles_finds_nothing():
    told = run(tool("hadolint"), DEPLOY / "Dockerfile")
    assert told.returncode == 0, told.stdout


def test_systemd_accepts_the_units_and_finds_them_hardened(tmp_path):
    analyze = tool("systemd-analyze")
    for unit in (DEPLOY / "systemd").iterdir():
        name = unit.name.replace("@.", "@serve.")
        (tmp_path / name).write_text(
            re.sub(r"/opt/backstop/\S+/(backstop|python)\b", "/bin/true", unit.read_text())
        )
    units = sorted(tmp_path.iterdir())
    told = run(analyze, "verify", *units)
    assert told.returncode == 0, told.stderr
    assert not told.stderr
    graded = run(analyze, "security", "--offline=true", "--threshold=20", tmp_path / "backstop@serve.service")
    assert graded.returncode == 0, graded.stdout[-300:]


# --- back-up


def test_a_back_up_made_while_somebody_writes_is_whole_and_private(tmp_path):
    file = tmp_path / "b.db"
    with sqlite3.connect(file) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("CREATE TABLE t (n)")
        writer.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(100)])
        writer.commit()
        writer.execute("INSERT INTO t VALUES (100)")  # not committed
        made = backup.backup(make_url(f"sqlite:///{file}"), tmp_path / "backups", NOW)
    assert made.name == "backstop-20261124T120000Z.db"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert [path.name for path in made.parent.iterdir()] == [made.name]
    with sqlite3.connect(made) as copy:
        assert copy.execute("SELECT count(*) FROM t").fetchone() == (100,)
    writer.close(), copy.close()


def test_only_the_newest_back_ups_are_kept_and_other_files_are_left_alone(tmp_path):
    file, there = tmp_path / "b.db", tmp_path / "backups"
    sqlite3.connect(file).close()
    made = [backup.backup(make_url(f"sqlite:///{file}"), there, NOW + timedelta(days=n)) for n in range(4)]
    (there / "notes.txt").write_text("mine")
    assert backup.thin(there, keep=2) == made[:2]
    assert {path.name for path in there.iterdir()} == {made[2].name, made[3].name, "notes.txt"}


def test_a_back_up_that_cannot_be_made_says_why_and_fails(tmp_path):
    told = run(
        sys.executable,
        DEPLOY / "backup.py",
        tmp_path / "backups",
        env={**os.environ, "BACKSTOP_DATABASE_URL": f"sqlite:///{tmp_path}/none.db", "PYTHONPATH": str(ROOT)},
    )
    assert told.returncode == 1
    assert "none.db: there is no such database" in told.stderr
    assert "Traceback" not in told.stderr


# --- proxies


def test_the_documented_nginx_block_is_understood(tmp_path):
    nginx = tool("nginx")
    block = re.search(r"```nginx\n(.*?)```", (DEPLOY / "README.md").read_text(), re.DOTALL).group(1)
    conf = f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; server {{ listen 8080; {block} }} }}"
    (tmp_path / "nginx.conf").write_text(conf)
    told = run(nginx, "-t", "-c", tmp_path / "nginx.conf")
    assert told.returncode == 0, told.stderr
    assert "proxy_request_buffering on" in block


def test_the_caddyfile_is_understood_and_buffers():
    caddy = tool("caddy")
    version = re.search(r"v?(\d+)\.(\d+)", run(caddy, "version").stdout)
    if tuple(map(int, version.groups())) < (2, 7):
        pytest.skip("request_buffers needs Caddy 2.7")
    told = run(caddy, "adapt", "--config", DEPLOY / "Caddyfile", env={**os.environ, "DOMAIN": "localhost"})
    assert told.returncode == 0, told.stderr
    (server,) = json.loads(told.stdout)["apps"]["http"]["servers"].values()
    assert 0 < server["read_header_timeout"] < server["read_timeout"] <= 30e9
    assert '"request_buffers":2097152' in told.stdout.replace(" ", "")
