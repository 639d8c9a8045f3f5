#!/bin/bash
# try.sh [down]: the laboratory of compose.yaml: starts it if it does not run, fetches a file by active and passive FTP over IPv4
# and IPv6, and shows what pinholed says; "down" takes it away. Needs the images (docs/containers.md) and Docker Compose,
# the plugin or docker-compose.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"
. ../common.sh

if docker compose version >/dev/null 2>&1; then
  compose() { docker compose -p pinholed-lab -f compose.yaml "$@"; }
else
  compose() { docker-compose -p pinholed-lab -f compose.yaml "$@"; }
fi

case ${1-} in
  '') ;;
  down)
    compose down --volumes --timeout 5
    exit ;;
  *)
    echo "usage: try.sh [down]" >&2
    exit 2 ;;
esac

compose up -d
await 30 compose exec -T agent pinholectl status || die "the agent is not ready: $(compose logs agent)"
await 30 compose exec -T client bash -c 'exec 3<>/dev/tcp/203.0.113.2/21' || die "no FTP server: $(compose logs server)"
for transfer in "PASV --disable-epsv 203.0.113.2" "PORT --ftp-port=- --disable-eprt 203.0.113.2" \
  "EPSV -4 203.0.113.2" "EPSV -6 [2001:db8:2::2]" "EPRT --ftp-port=- [2001:db8:2::2]"; do
  read -r mode options <<<"$transfer"
  host=${options##* } options=${options% *}
  # shellcheck disable=SC2086 # options are words
  sum=$(compose exec -T client curl -sS -m 10 ${options/=/ } "ftp://$host/numbers" | sha256sum)
  [ "$sum" = "$(seq 100000 | sha256sum)" ] || die "$mode $host: the file did not come"
  say "$mode $host: the file came whole"
done
compose exec -T agent pinholectl stats
