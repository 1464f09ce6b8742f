#!/usr/bin/env bash
# Installs the real programs that tests talk to. Without root or sudo it prints the one line to run and goes on:
# those tests are then skipped with that reason.
set -euo pipefail
PACKAGES=(chromium coturn postgresql ffmpeg poppler-utils fonts-noto-cjk openssl)
missing=()
for package in "${PACKAGES[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0
if [ "$(id -u)" -eq 0 ]; then as_root=(); elif sudo -n true 2>/dev/null; then as_root=(sudo); else
    echo "Some tests need programs that are not installed. Run: sudo apt-get install -y ${missing[*]}" >&2
    exit 0
fi
echo "installing ${missing[*]}" >&2
"${as_root[@]}" apt-get -qq update
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
