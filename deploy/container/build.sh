#!/bin/bash
# Makes the image of pinholed from what is in the packages, too, the distribution with a Java of its own, which mvn package
# makes, on a base image of this machine. Nothing is pulled.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
. "$here/../common.sh"

usage() {
  cat <<EOF_USAGE
usage: build.sh [--base IMAGE] [--distribution FOLDER] [NAME]
  --base          a Debian 12 (pinholed-base, made by base.sh)
  --distribution  what goes into the image (packages/target/tree/pinholed); agent/target/pinholed needs a base with Java 17
  NAME            of the image, pinholed by default
EOF_USAGE
}

base=pinholed-base distribution=$here/../../packages/target/tree/pinholed
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --base) base=${2:?}; shift 2 ;;
    --distribution) distribution=${2:?}; shift 2 ;;
    -*) usage >&2; exit 2 ;;
    *) break ;;
  esac
done
[ -x "$distribution/bin/pinholed" ] || die "$distribution is no distribution: mvn package makes it in packages/target/tree/pinholed"
docker image inspect "$base" >/dev/null 2>&1 || die "There is no image $base: $here/base.sh $base makes it"

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp -r --preserve=mode "$distribution" "$context/pinholed"
# Archives of classes fit one path and one Java only: the image gets its own.
rm -f "$context"/pinholed/lib/*.jsa
cp "$here/Dockerfile" "$here/entrypoint.sh" "$context/"
chmod 755 "$context/entrypoint.sh"
# The builder that every engine has: it needs no network, and no image but the base.
DOCKER_BUILDKIT=0 docker build --quiet --network none --build-arg "BASE=$base" --tag "${1:-pinholed}" "$context" \
  >"$context/log" 2>&1 || { cat "$context/log" >&2; die "The image was not built."; }
