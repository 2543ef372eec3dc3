#!/usr/bin/env bash
# Debian packages the tests talk to. As root what is missing is installed; else tests that need it skip by name.
set -euo pipefail
need=()
command -v tshark >/dev/null || need+=(tshark)
[ ${#need[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo "missing: ${need[*]} (run as root to have them installed, or: apt-get install ${need[*]}); tests that need them skip"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
