#!/bin/bash
# Makes a Debian image for Docker on this machine, from packages alone: no image is pulled. Needs root (Debian or Ubuntu),
# a Docker engine and a mirror of Debian; installs mmdebstrap if it is missing.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/../common.sh"

usage() {
  cat <<EOF_USAGE
usage: base.sh [--with PACKAGE,PACKAGE ...] [--archive FILE.tar] [NAME]
  --with     more packages than the agent itself needs
  --archive  where the file system is kept; if it is there already it is taken as it is
  NAME       of the image, pinholed-base by default
EOF_USAGE
}

# All that the agent needs of Debian: it brings its Java, which is linked with these two libraries.
packages=libstdc++6,zlib1g,nftables,iproute2,procps
release=bookworm
more='' archive=''
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --with) more=,${2:?}; shift 2 ;;
    --archive) archive=${2:?}; shift 2 ;;
    -*) usage >&2; exit 2 ;;
    *) break ;;
  esac
done
name=${1:-pinholed-base}
need_root "$@"
install_missing mmdebstrap:mmdebstrap

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
archive=${archive:-$work/base.tar}
if [ ! -s "$archive" ]; then
  say "Making a file system of Debian $release"
  mmdebstrap --quiet --variant=minbase --include="$packages$more" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt=force-unsafe-io \
    "$release" "$archive.new.tar"
  mv "$archive.new.tar" "$archive"
fi
docker import --change 'ENV LC_ALL=C.UTF-8' "$archive" "$name" >/dev/null
say "Image $name is there."
