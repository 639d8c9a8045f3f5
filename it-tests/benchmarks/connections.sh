# What very many short connections cost, and what they leave behind; sourced by bench.sh.
# shellcheck shell=bash disable=SC2154

# The clients' addresses: eight, and one that hears no answer.
first=198.51.100.10 silent=198.51.100.30

connections_lab() { # NAME
  local n
  part_lab "$1"
  for n in 10 11 12 13 14 15 16 17 30; do ip -n "$(namespace "$1" c)" addr add 198.51.100.$n/24 dev c0; done
  on "$1" c nft -f - <<EOF
table ip silent {
  chain input { type filter hook input priority filter; ip daddr $silent drop; }
}
EOF
  # Otherwise conntrack holds each connection for two minutes, and its table is full before the end; and for five days the
  # few whose RST it takes for an invalid one.
  on "$1" r sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_{syn_sent,syn_recv,fin_wait,close_wait,last_ack,time_wait,close}=2
  on "$1" r sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_{established,unacknowledged,max_retrans}=15
  on "$1" s sysctl -qw net.ipv4.tcp_synack_retries=0
}

short() { # LAB COUNT
  on "$1" c taskset -c 0 "$work/short_connections" 203.0.113.2 "$2" $first $silent
}

process_cpu_us() { cat /proc/"$1"/task/*/schedstat 2>/dev/null | awk '{ n += $1 } END { printf "%.0f", n / 1000 }'; }

# A dump of conntrack throws out what is over; otherwise the kernel takes its time.
conntrack_entries() { on "$1" r conntrack -L 2>/dev/null | wc -l; }
no_conntrack_entries() { [ "$(conntrack_entries "$1")" = 0 ]; }

set_elements() { on "$1" r nft list table inet pinholed 2>/dev/null | grep -o expires | wc -l || true; }

# How many connections or pinholes the agent lists, one on each line.
rows() { agent_ctl "$1" --json "$2" | grep -c '{' || true; }

# A histogram collects garbage first. Each fourth collection leaves no gaps in the heap; gaps are counted as arrays of
# numbers. So the smallest of four is the one that counts only what lives.
footprint() { # LAB NAME
  local kib
  await 60 no_conntrack_entries "$1" || die "$1: conntrack still holds $(conntrack_entries "$1") entries"
  live=
  for _ in 1 2 3 4; do
    jcmd "$agent_pid" GC.class_histogram >"$work/histogram"
    kib=$(awk '$1 == "Total" { printf "%.0f", $3 / 1024 }' "$work/histogram")
    if [ -z "$live" ] || [ "$kib" -lt "$live" ]; then
      live=$kib
      mv "$work/histogram" "$work/histogram-$2"
    fi
  done
  descriptors=$(find "/proc/$agent_pid/fd" -type l | wc -l)
  elements=$(set_elements "$1")
  sessions=$(rows "$1" sessions) expected=$(rows "$1" expectations)
  printf '  %-22s %10s %10s %10s %10s %10s %10s %10s\n' "$2" "$live" \
    "$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$agent_pid/status")" "$descriptors" \
    "$(jcmd "$agent_pid" Thread.print | grep -c '^"')" "$elements" "$sessions" "$expected"
}

# Classes by how many bytes more they have.
growers() { # NAME NAME
  awk 'NF >= 4 && $1 ~ /:$/ { if (FNR == NR) { n[$4] = $2; b[$4] = $3 } else if ($3 > b[$4]) print $3 - b[$4], $2 - n[$4], $4 }' \
    "$work/histogram-$1" "$work/histogram-$2" | sort -rn | head -n 8 |
    awk '{ printf "    %10s bytes %8s objects  %s\n", $1, $2, $3 }'
}

part_connections() {
  local who lab server cpu result half=$((connections / 2)) each=4000 live_half descriptors_before
  say ''
  say "Short connections: some whole, some with a transfer, some broken off, some without an answer to their SYN"
  for who in plain accept pinholed; do
    lab=short-$who
    connections_lab $lab
    declare "server_$who=${pids[-1]}"
    case $who in
      plain) firewall $lab accept 'ct state established accept' ;;
      accept)
        firewall $lab accept 'ct state established accept'
        accept_loops $lab 2 'queues: {count: 2}' ;;
      pinholed)
        pinholed_firewall $lab
        # Those without an answer are remembered up to this limit: it is reached before it is measured.
        start_agent $lab 'queues: {count: 2}
limits: {halfOpen: 1024}' ;;
    esac
    short $lab 8000 >/dev/null || die "$lab: connections fail"
  done
  lab=short-pinholed
  short $lab 20000 >/dev/null || die "$lab: connections fail"
  for ((round = 1; round <= rounds; round++)); do
    for who in plain accept pinholed; do
      server=server_$who
      local server_before agent_before begin
      server_before=$(process_cpu_us "${!server}") agent_before=$(process_cpu_us "$agent_pid") begin=$(now_ms)
      result=$(short short-$who $each) || die "$who: connections fail: $result"
      read -r _ _ cpu <<<"$result"
      begin=$(($(now_ms) - begin))
      awk -v who="short-$who" -v n="$each" -v ms="$begin" -v peers="$((cpu + $(process_cpu_us "${!server}") - server_before))" \
        -v agent="$(($(process_cpu_us "$agent_pid") - agent_before))" \
        'BEGIN { printf "%s short %.1f %.1f %.0f\n", who, peers / n, agent / n, n * 1000 / ms }' >>"$work/results"
    done
  done
  printf '  %-22s %10s %10s %10s\n' '' 'peers us' 'agent us' 'per s'
  for who in plain accept pinholed; do
    printf '  %-22s %10s %10s %10s\n' "$who" "$(median short-$who short 3)" \
      "$([ $who = pinholed ] && median short-$who short 4 || echo -)" "$(median short-$who short 5)"
  done
  say '  (processor time of client and server with what the kernel does for them, and of the agent, for one connection)'

  printf '  %-22s %10s %10s %10s %10s %10s %10s %10s\n' 'after collection' 'live KiB' 'RSS KiB' files threads elements sessions expected
  footprint $lab before
  descriptors_before=$descriptors
  short $lab $half >/dev/null || die "$lab: connections fail"
  footprint $lab $half
  live_half=$live
  short $lab $half >/dev/null || die "$lab: connections fail"
  footprint $lab $((2 * half))
  say '  What takes more after the second half than after the first, the most first:'
  growers $half $((2 * half))
  # One entry of a map for each connection of the rarest kind would be more.
  aim 'live heap, after the second half more than after the first' $((live - live_half)) $((half / 20 * 32 / 1024)) KiB
  aim 'open files more than before' $((descriptors - descriptors_before)) 0 ''
  aim 'elements, sessions and expectations left' $((elements + sessions + expected)) 0 ''
}
