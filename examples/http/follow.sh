#!/usr/bin/env bash
# Writes a row, then follows the table, with curl: follow.sh http://127.0.0.1:47780 known_hosts 10.0.0.1 5 [file]
# The file keeps the last id, so that the script goes on where it was when it is started again.
set -euo pipefail
table="$1/v1/tables/$2" file="${5-}" last= id=
if [ -s "$file" ]; then last=$(<"$file"); fi
curl -sS --fail-with-body -X PUT "$table/rows/$3" -d "{\"value\": $4}" \
  -H 'Content-Type: application/json' -H 'Prefer: wait=durable'
echo
while true; do
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      'id: '*) id=${line#id: } ;;
      'data: '*) echo "${line#data: }" ;;
      # The end of an event: what it told was told.
      '') last=$id && if [ -n "$file" ]; then echo "$last" >"$file.new" && mv "$file.new" "$file"; fi ;;
      # An error that no waiting mends, such as 410: it says what to do.
      *'"retryable":false'*) echo "$line" >&2 && exit 1 ;;
    esac
  done < <(curl -sSN --fail-with-body "$table/changes?after=0" -H "Last-Event-ID: $last" 2>/dev/null)
  sleep 0.1
done
