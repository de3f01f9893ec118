#!/usr/bin/env bash
# Writes a row, then follows the table, with curl: follow.sh http://127.0.0.1:47780 known_hosts 10.0.0.1 5
set -euo pipefail
table="$1/v1/tables/$2" last=
curl -sS --fail-with-body -X PUT "$table/rows/$3" -d "{\"value\": $4}" \
  -H 'Content-Type: application/json' -H 'Prefer: wait=durable'
echo
while true; do
  while IFS= read -r line; do
    case $line in
      'id: '*) last=${line#id: } ;;
      'data: '*) echo "${line#data: }" ;;
    esac
  done < <(curl -sSN --fail-with-body "$table/changes?after=0" -H "Last-Event-ID: $last" 2>/dev/null)
  sleep 0.1
done
