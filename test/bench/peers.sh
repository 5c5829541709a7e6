#!/bin/bash
# Installs the peers (Debian's nginx and haproxy) and builds the C tools of the
# benchmark into a directory.
# usage: peers.sh BIN_DIR
set -euo pipefail
BIN=$1; here=$(cd "$(dirname "$0")" && pwd); mkdir -p "$BIN"
need=()
command -v nginx   >/dev/null || need+=(nginx-light)
command -v haproxy >/dev/null || need+=(haproxy)
command -v gcc     >/dev/null || need+=(gcc libc6-dev)
if [ ${#need[@]} -gt 0 ]; then
  [ "$(id -u)" = 0 ] || { echo "bench: install these first: ${need[*]}" >&2; exit 1; }
  # keep the packages from starting their services
  pol=/usr/sbin/policy-rc.d; made=
  [ -e $pol ] || { printf '#!/bin/sh\nexit 101\n' >$pol; chmod +x $pol; made=1; }
  apt-get update -q >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${need[@]}" >/dev/null
  [ -z "$made" ] || rm -f $pol
fi
for t in upstream load floor; do
  [ "$BIN/$t" -nt "$here/$t.c" ] || gcc -O2 -march=native -Wall -o "$BIN/$t" "$here/$t.c" -lm
done
