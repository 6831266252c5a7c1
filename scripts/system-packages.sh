#!/usr/bin/env bash
# Checks for the Debian packages that kubesvc uses and, as root, installs the missing ones (and says so).
# usage: system-packages.sh run|test|ipvs
set -euo pipefail

# program -> package
declare -A run=([nft]=nftables [ip]=iproute2 [iptables]=iptables [conntrack]=conntrack [unshare]=util-linux [mount]=mount [script]=bsdutils)
declare -A test=([etcd]=etcd-server [dig]=dnsutils [gcc]=gcc [musl-gcc]=musl-tools [python3]=python3 [ipset]=ipset [curl]=curl [openssl]=openssl)
declare -A ipvs=([qemu-system-x86_64]=qemu-system-x86 [modprobe]=kmod [ipvsadm]=ipvsadm [ipset]=ipset [socat]=socat [sysctl]=procps)

missing=()
check() {
  local -n table=$1
  for program in "${!table[@]}"; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null || missing+=("${table[$program]}")
  done
}
check run
if [ "${1:-run}" != run ]; then check "$1"; fi
if [ "${1:-run}" = test ] && ! command -v "${KUBECTL:-kubectl}" >/dev/null; then
  echo "the tests need kubectl (1.30 or newer), which Debian does not package: put it on the PATH or set KUBECTL" >&2
  exit 1
fi
[ ${#missing[@]} -eq 0 ] && exit 0

packages=$(printf '%s\n' "${missing[@]}" | sort -u | tr '\n' ' ')
if [ "$(id -u)" -ne 0 ]; then
  echo "missing Debian packages: $packages" >&2
  echo "install them with: sudo apt-get install $packages" >&2
  exit 1
fi
echo "installing Debian packages: $packages"
export DEBIAN_FRONTEND=noninteractive
# Services of these packages are not wanted, only their programs.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $packages >/dev/null
