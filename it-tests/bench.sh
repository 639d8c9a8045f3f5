#!/bin/bash
# What a session helper costs, measured here and now: plain forwarding, the kernel's FTP helper,
# pinholed, and for reference a C program that accepts the same packets unread; then address
# translation, saturation, SIP, DCE-RPC, a restart with many pinholes, one that nobody notices, and what very many short connections
# leave behind, and pinholes with and without expectations of the kernel. Laboratories stand side by side and rounds alternate between them, so that a busy machine disturbs all alike.
# Client and server are kept on a processor each, as if they were two machines: left alone, the
# scheduler puts them on one or on two as it likes, and that changes the numbers threefold. The
# agent and the C program run where they like. A NOOP is also the cost of the agent's queue loop for
# a packet without anything in it, to be compared with the C program's.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
root=$(cd "$here/.." && pwd)
. "$root/deploy/common.sh"

rounds=15 cycles=1500 noops=4000 parents=10000 connections=200000 strict=
parts='forwarding translation saturation datagrams sip dcerpc restart replace connections backends'

usage() {
  cat <<EOF
usage: bench.sh [--rounds N] [--parents N] [--connections N] [--part NAME] [--strict] [sip]
  --rounds N    alternating rounds (default: $rounds); a round takes about 6 s
  --parents N   control connections held open to measure memory (default: $parents)
  --connections N  short connections after which nothing may be left (default: $connections)
  --part NAME   only this part: $parts; sip stands for --part sip, which takes ten minutes
  --strict      exit code 1 if an aim is missed
EOF
}
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=${2:?}; shift 2 ;;
    --parents) parents=${2:?}; shift 2 ;;
    --connections) connections=${2:?}; shift 2 ;;
    --part)
      case " $parts " in *" ${2:?} "*) parts=$2 ;; *) usage >&2; exit 2 ;; esac
      shift 2 ;;
    sip) parts=sip; shift ;;
    --strict) strict=yes; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done
case $rounds$parents$connections in *[!0-9]*) usage >&2; exit 2 ;; esac
need_root "$@"
install_build_tools
install_missing ip:iproute2 sysctl:procps nft:nftables conntrack:conntrack gcc:gcc awk:mawk
echo '#include <linux/netlink.h>' | gcc -E -x c - >/dev/null 2>&1 || install_missing no-libc-headers:libc6-dev
build_agent "$root"

work=$(mktemp -d)
labs= # set up so far
namespace() { echo "phb$$-$1-$2"; }
on() { ip netns exec "$(namespace "$1" "$2")" "${@:3}"; }
pids=()
finish() {
  local mode pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  for mode in $labs; do
    lab_down "$(namespace "$mode" c)" "$(namespace "$mode" r)" "$(namespace "$mode" s)"
  done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

gcc -O2 -o "$work/ftp_peer" "$here/benchmarks/ftp_peer.c"
gcc -O2 -o "$work/short_connections" "$here/benchmarks/short_connections.c"
gcc -O2 -o "$work/queue_accept" "$here/benchmarks/queue_accept.c"

firewall() { # MODE POLICY RULE ... : a forward chain with these rules
  on "$1" r nft -f - <<EOF
table inet filter {
  chain forward {
    type filter hook forward priority filter; policy $2;
$(printf '    %s\n' "${@:3}")
  }
}
EOF
}

background() { # runs a command and notes its process id
  "$@" </dev/null >>"$work/log" 2>&1 &
  pids+=($!)
}

now_ms() { echo $(($(date +%s%N) / 1000000)); }

# Judged is the ratio to the C program in the same round: it hardly moves with the machine, that to the kernel's helper does.
# The middle of the rounds for every number: one disturbed round does not show.
median() { # MODE KIND FIELD
  awk -v m="$1" -v k="$2" -v f="$3" '$1 == m && $2 == k { print $f }' "$work/results" |
    sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b ? a / b : 0 }'; }

# The p50 of A over that of B in each round, sorted.
round_ratios() { # A B KIND
  awk -v a="$1" -v b="$2" -v k="$3" '
    $2 == k && $1 == a { x[++n] = $3 }
    $2 == k && $1 == b { y[++m] = $3 }
    END { for (i = 1; i <= n && i <= m; i++) if (y[i] > 0) print x[i] / y[i] }' "$work/results" | sort -n
}

# The middle of these ratios with its spread, which is the middle half of the rounds.
ratio_text() { # A B KIND
  round_ratios "$@" | awk '{ v[NR] = $1 } END {
    printf "%.2f (%.2f .. %.2f)", v[int((NR + 1) / 2)], v[int((NR + 3) / 4)], v[int((3 * NR + 3) / 4)] }'
}

missed=0
# A miss is one beyond the spread: also the better quarter of the rounds is above the limit.
aim_ratio() { # TEXT A B KIND LIMIT
  local word
  word=$(round_ratios "$2" "$3" "$4" | awk -v l="$5" '{ v[NR] = $1 } END {
    print v[int((NR + 1) / 2)] <= l ? "met" : v[int((NR + 3) / 4)] <= l ? "within the spread" : "MISSED" }')
  [ "$word" != MISSED ] || missed=$((missed + 1))
  printf '  %-46s %26s aim <= %s: %s\n' "$1" "$(ratio_text "$2" "$3" "$4")" "$5" "$word"
}
note_ratio() { # TEXT A B KIND
  printf '  %-46s %26s\n' "$1" "$(ratio_text "$2" "$3" "$4")"
}
aim() { # TEXT VALUE LIMIT UNIT
  local word=met
  awk -v v="$2" -v l="$3" 'BEGIN { exit !(v <= l) }' || { word=MISSED; missed=$((missed + 1)); }
  printf '  %-58s %9s %-4s aim <= %s: %s\n' "$1" "$2" "$4" "$3" "$word"
}
floor() { # TEXT VALUE LIMIT
  local word=met
  awk -v v="$2" -v l="$3" 'BEGIN { exit !(v >= l) }' || { word=MISSED; missed=$((missed + 1)); }
  printf '  %-58s %9s %-4s aim >= %s: %s\n' "$1" "$2" '' "$3" "$word"
}

say "Measuring: $parts. $rounds rounds of $cycles cycles (PASV and a data connection) and $noops NOOPs"
. "$here/benchmarks/parts.sh"
. "$here/benchmarks/connections.sh"
. "$here/benchmarks/sip.sh"
. "$here/benchmarks/dcerpc.sh"
. "$here/benchmarks/backends.sh"
for part in $parts; do
  if [ "$part" = forwarding ]; then . "$here/benchmarks/forwarding.sh"; else "part_$part"; fi
done

say ''
say "Linux $(uname -r), $(nproc) processors, $(date -u +%F), $((SECONDS / 60)):$(printf %02d $((SECONDS % 60))) min"
[ -z "$strict" ] || [ $missed = 0 ]
