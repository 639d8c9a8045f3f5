#!/bin/bash
# Makes what the laboratory in containers is made of, in the engine of DOCKER_HOST: the image of its hosts, pinholed-lab, or
# the product's image on it, pinholed:lab.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)

# The peers that scenarios run on either side, and what an operator types on a router.
peers=vsftpd,python3,python3-pyftpdlib,curl,wget,lftp,tnftp,tcpdump,conntrack,iptables

case ${1-} in
  hosts)
    # The file system is kept for the next run as long as it is made of the same.
    archive=$root/it-tests/target/containers/$(cat "$0" "$root/deploy/container/base.sh" | cksum | cut -d' ' -f1).tar
    mkdir -p "${archive%/*}"
    exec "$root/deploy/container/base.sh" --with "$peers" --archive "$archive" pinholed-lab ;;
  product)
    exec "$root/deploy/container/build.sh" --base pinholed-lab pinholed:lab ;;
  *)
    echo "usage: images.sh hosts|product" >&2
    exit 2 ;;
esac
