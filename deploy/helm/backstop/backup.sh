#!/usr/bin/env bash
# Dumps of a Postgres ledger: backup.sh DIRECTORY KEEP SECONDS PG_DUMP-ARGUMENTS… SECONDS between two dumps, 0 for one
# alone. A dump has its name only when it is whole; of these the newest KEEP stay. A dump that fails ends us with 1: whoever started us says so.
set -euo pipefail
directory=$1 keep=$2 seconds=$3
shift 3
umask 077
while :; do
  name="$directory/backstop-$(date -u +%Y%m%dT%H%M%SZ).dump"
  pg_dump --format=custom --file="$name.partial" "$@"
  mv "$name.partial" "$name"
  echo "$name ($(stat -c %s "$name") bytes)"
  mapfile -t old < <(ls -1 "$directory"/backstop-*.dump | head -n "-$keep")
  rm -f -- "$directory"/*.partial "${old[@]}"
  [ "$seconds" = 0 ] && exit 0
  sleep "$seconds"
done
