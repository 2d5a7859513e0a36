#!/usr/bin/env bash
# What somebody outside sees of the API's TLS: sslyze against a running demonstration. TLS 1.3 alone, no weak suite, a client
# certificate required, no resumption, no early data. Usage: sslyze.sh PATH-TO-SCHOOLGATE
set -euo pipefail
program="$(realpath "$1")"
here="$(cd "$(dirname "$0")" && pwd)"
tools="${XDG_CACHE_HOME:-$HOME/.cache}/schoolgate-tools/sslyze"
version=6.3.1

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

if ! "$tools/bin/python" -c 'import sslyze' 2>/dev/null; then
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3-venv
  fi
  python3 -m venv "$tools"
  "$tools/bin/pip" install -q "sslyze==$version"
fi

folder="$(mktemp -d)"
demo=
stop() {
  if [ -n "$demo" ]; then kill "$demo" 2>/dev/null || true; wait "$demo" 2>/dev/null || true; fi
  rm -rf "$folder"
}
trap stop EXIT
"$program" demo --dir "$folder/demo" --ready-file "$folder/ready" --pupils 130 --schools 2 >"$folder/log" 2>&1 &
demo=$!
for _ in $(seq 1 1200); do
  [ -e "$folder/ready" ] && break
  kill -0 "$demo" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
  sleep 0.1
done
api="$(sed -n 's/.*"api": *"https:\/\/\([^"]*\)".*/\1/p' "$folder/demo/demo.json" | head -n 1)"
certificate="$(sed -n 's/.*"certificate": *"\([^"]*\)".*/\1/p' "$folder/demo/demo.json" | head -n 1)"
# Whether a certificate is required is told to somebody without one; some of the rest can be looked at only with one.
"$tools/bin/python" -m sslyze --json_out "$folder/without.json" --compression "$api" >"$folder/said" || true
"$tools/bin/python" -m sslyze --json_out "$folder/found.json" \
  --cert "$folder/demo/$certificate" --key "$folder/demo/${certificate%.pem}.key" \
  --tlsv1_3 --tlsv1_2 --tlsv1_1 --tlsv1 --sslv3 --sslv2 --early_data --resum --reneg --elliptic_curves --compression \
  --heartbleed --robot --openssl_ccs "$api" >>"$folder/said" || true
"$tools/bin/python" "$here/sslyze.py" "$folder/without.json" "$folder/found.json"
