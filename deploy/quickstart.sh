#!/bin/bash
# A client, a router and an FTP server in network namespaces; the router drops everything but new
# connections to port 21. Shows that FTP works through it once pinholed runs, and what pinholed
# knows meanwhile. Touches nothing outside its own namespaces and /run/pinholed-quickstart.
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
. "$root/deploy/common.sh"

state=/run/pinholed-quickstart
socket=$state/control.sock
client=ph-cli router=ph-rtr server=ph-srv

usage() {
  cat <<EOF
usage: quickstart.sh          show it; leaves the laboratory running for you to look around
       quickstart.sh --down   take all of it away
EOF
}

# stop_pid FILE NAME ends the process that we started and whose id is in FILE: only if the id
# still belongs to a program of that name, for after a reboot it may be anybody's.
stop_pid() {
  local pid
  [ -f "$1" ] || return 0
  pid=$(cat "$1")
  if [ -n "$pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q -- "$2"; then
    kill "$pid" 2>/dev/null || true
    await 10 sh -c "! kill -0 $pid" || kill -9 "$pid" 2>/dev/null || true
  fi
  rm -f "$1"
}

down() {
  stop_pid "$state/agent.pid" "$state/pinholed.yaml"
  stop_pid "$state/vsftpd.pid" "$state/vsftpd.conf"
  lab_down "$client" "$router" "$server"
  rm -rf "$state"
}

ctl() { ip netns exec "$router" "$root/agent/target/pinholed/bin/pinholectl" --socket "$socket" "$@"; }

# hear CODE reads the control connection until a reply with this code; say_ftp sends a command.
hear() {
  local line
  while IFS= read -r -t 5 line <&3; do
    case $line in "$1 "*) printf '   server: %s\n' "${line%$'\r'}"; return 0 ;; esac
  done
  die "The server did not answer $1."
}
say_ftp() { printf '   client: %s\n' "$1"; printf '%s\r\n' "$1" >&3; }

# dialogue runs in the client's namespace: asks for a data connection and does not open it.
dialogue() {
  exec 3<>/dev/tcp/203.0.113.2/21
  hear 220
  say_ftp 'USER anonymous'; hear 331
  say_ftp 'PASS guest'; hear 230
  say_ftp PASV; hear 227
  echo; echo '   $ pinholectl expectations'
  ctl expectations | sed 's/^/   /'
  echo; echo '   $ pinholectl expectations --policy 25 --style fortios'
  ctl expectations --policy 25 --style fortios | sed 's/^/   /'
  echo
  say_ftp QUIT; hear 221
  exec 3<&-
  local tries=0
  until [ "$(ctl --json expectations | tr -d ' \n')" = '[]' ]; do
    tries=$((tries + 1))
    [ $tries -lt 20 ] || die 'The expectation is still there.'
  done
  echo; echo '   $ pinholectl expectations      # the control connection is closed: gone'
  ctl expectations 2>&1 | sed 's/^/   /'
}

transfer() {
  local label=$1 url=$2
  shift 2
  if ip netns exec "$client" curl -sS -m 5 "$@" -o "$state/copy" "$url/hello.bin" 2>"$state/curl.err" &&
    cmp -s "$state/copy" "$state/served/hello.bin"; then
    printf '  %-14s ok\n' "$label"
  else
    printf '  %-14s FAILED  %s\n' "$label" "$(cat "$state/curl.err")"
    failures=$((failures + 1))
  fi
  rm -f "$state/copy"
}

transfers() {
  failures=0
  transfer 'PASV  IPv4' ftp://203.0.113.2 --disable-epsv
  transfer 'EPSV  IPv4' ftp://203.0.113.2
  transfer 'PORT  IPv4' ftp://203.0.113.2 --ftp-port - --disable-eprt
  transfer 'EPRT  IPv4' ftp://203.0.113.2 --ftp-port -
  transfer 'EPSV  IPv6' 'ftp://[2001:db8:2::2]'
  transfer 'EPRT  IPv6' 'ftp://[2001:db8:2::2]' --ftp-port -
}

case ${1-} in
  '') ;;
  --down) need_root "$@"; down; say "All gone."; exit 0 ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac
need_root "$@"

install_build_tools
install_missing ip:iproute2 sysctl:procps nft:nftables conntrack:conntrack curl:curl vsftpd:vsftpd cmp:diffutils
build_agent "$root"

down
mkdir -p "$state"
say "1. A client ($client), a router ($router) and an FTP server ($server)"
lab_up "$client" "$router" "$server"
serve_vsftpd "$server" "$state"
head -c 200000 /dev/urandom >"$state/served/hello.bin"

say "2. The router's firewall: drop, but for established traffic and new connections to port 21"
ip netns exec "$router" nft -f - <<'EOF'
table inet filter {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established accept
    tcp dport 21 ct state new ct mark set ct mark & 0xffff0000 | 25 accept comment "policy 25"
  }
}
EOF
ip netns exec "$router" "$root/iptables-rules/nftables.sh" apply
say "   and the one rule for pinholed: ct mark & 0x40000000 != 0 accept"

say "3. Without pinholed a transfer fails:"
ip netns exec "$client" curl -sS -m 3 -o "$state/copy" ftp://203.0.113.2/hello.bin 2>&1 |
  sed 's/^/  /' || true
[ ! -s "$state/copy" ] || die "It worked: something else here opens ports."
rm -f "$state/copy"

cat >"$state/pinholed.yaml" <<EOF
control: {socket: $socket}
eventLog: {file: $state/events.jsonl}
EOF
ip netns exec "$router" "$root/agent/target/pinholed/bin/pinholed" --config "$state/pinholed.yaml" \
  </dev/null >"$state/pinholed.log" 2>&1 &
echo $! >"$state/agent.pid"
await 20 ctl status || die "pinholed does not start: $(cat "$state/pinholed.log")"

say "4. With pinholed, every way that curl knows:"
transfers
[ $failures = 0 ] || die "$failures transfers failed; see $state/pinholed.log"

say "5. An announced data connection that nobody has opened yet:"
export root socket router
export -f ctl hear say_ftp die dialogue
ip netns exec "$client" bash -euo pipefail -c dialogue

say "6. What pinholed wrote down about it, in $state/events.jsonl:"
await 5 grep -q '"event":"parentClosed"' "$state/events.jsonl" ||
  die "The end of the control connection is not in the event log."
tail -n 2 "$state/events.jsonl" | sed 's/^/   /'
cat <<EOF

It all still runs. Where to look next:
  the client      sudo ip netns exec $client curl ftp://203.0.113.2/
  the agent       sudo ip netns exec $router $root/agent/target/pinholed/bin/pinholectl --socket $socket status
                  the same with: expectations --watch, sessions, trace --port 21 --count 6, doctor
  its table       sudo ip netns exec $router nft list table inet pinholed
  its metrics     sudo ip netns exec $router curl -s http://127.0.0.1:9765/metrics
  its log         $state/pinholed.log
  for your router docs/install.md, docs/firewalls.md
  take it away    sudo deploy/quickstart.sh --down
EOF
