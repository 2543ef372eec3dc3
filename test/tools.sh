#!/usr/bin/env bash
# Debian packages the tests talk to. As root what is missing is installed; else tests that need it skip by name.
#   test/tools.sh [bench]
set -euo pipefail
need=()
lacks() { [ -z "$(command -v "$1")" ]; }
lacks tshark && need+=(tshark)
lacks mbpoll && need+=(mbpoll)
lacks openssl && need+=(openssl)
lacks protoc && need+=(protobuf-compiler)
[ -x /usr/sbin/mosquitto ] || need+=(mosquitto)
lacks mosquitto_sub && need+=(mosquitto-clients)
[ -x /usr/sbin/ip ] || need+=(iproute2)
lacks systemd-notify && need+=(systemd)
lacks strace && need+=(strace)
lacks chromium && need+=(chromium)
[ -x /usr/sbin/nft ] || need+=(nftables)
if lacks gcc || [ ! -e /usr/include/modbus/modbus.h ]; then need+=(gcc libc6-dev libmodbus-dev); fi
/usr/bin/python3 -c "from pymodbus.client import ModbusTcpClient" 2>/dev/null || need+=(python3 python3-pymodbus python3-serial-asyncio)
compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || need+=(postgresql)
if [ "${1:-}" = bench ]; then
  [ -x /usr/sbin/haproxy ] || need+=(haproxy)
  [ -x /usr/sbin/nginx ] && [ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || need+=(nginx-light libnginx-mod-stream)
  [ -e /usr/include/openssl/ssl.h ] || need+=(libssl-dev)
fi
[ ${#need[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || lacks apt-get; then
  echo "missing: ${need[*]} (run as root to have them installed, or: apt-get install ${need[*]}); tests that need them skip"
  exit 0
fi
echo "installing ${need[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
