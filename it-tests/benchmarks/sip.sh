# SIP calls in one flow: plain forwarding, a C program that accepts the same packets unread, the kernel's helper and
# pinholed side by side; sourced by bench.sh.
# shellcheck shell=bash disable=SC2154

sip_config='helpers: [{id: 1, name: sip, protocol: udp, port: 5060}]'

sip_calls() { # LAB RATE CALLS HOLD_MS: calls lost, most at once, p50 us, p99 us
  on "$1" c taskset -c 0 "$work/sip_peer" client 203.0.113.2 "$2" "$3" "$4"
}

sip_kernel_helper() { # LAB: fails if this kernel has none
  on "$1" r nft -f - <<'RULES'
table inet helpers {
  ct helper sip { type "sip" protocol udp; l3proto ip; }
  chain pre { type filter hook prerouting priority mangle; udp dport 5060 ct helper set "sip"; }
}
RULES
}

sip_lab() { # LAB routed|masqueraded WHO
  local open='udp dport 5060 ct state new accept'
  labs="$labs $1"
  lab_up "$(namespace "$1" c)" "$(namespace "$1" r)" "$(namespace "$1" s)"
  background ip netns exec "$(namespace "$1" s)" taskset -c $(($(nproc) - 1)) "$work/sip_peer" server 203.0.113.2
  [ "$2" = routed ] || translate "$1" masquerade
  case $3 in
    plain) firewall "$1" drop 'ct state established accept' "$open" ;;
    kernel) firewall "$1" drop 'ct state established,related accept' "$open" ;;
    pinholed)
      firewall "$1" drop 'ct state established accept' 'ct mark & 0x40000000 != 0 accept' "$open"
      # Beyond what it can read packets are lost, not passed unread: a call that nobody read has no pinholes.
      start_agent "$1" "$sip_config
fail: {queueFull: drop}"
      ;;
    accept)
      firewall "$1" drop 'ct state established accept' "$open"
      accept_loops "$1" 1 "$sip_config
queues: {count: 1}"
      ;;
  esac
}

sip_sum() { # LAB FIELD: the sum of a number over all runs
  awk -v m="$1" -v f="$2" '$1 == m && $2 == "sip" { n += $f } END { print n + 0 }' "$work/results"
}

# The highest of these rates at which none of the calls of two seconds is lost, tried twice, so that one moment in which the
# machine stood still does not show; 0 if there is none.
sip_highest_rate() { # LAB
  local rate best=0
  for rate in 500 1000 2000 3000 4000 6000 8000; do
    [ "$(sip_calls "$1" $rate $((rate * 2)) 1000 | cut -d' ' -f1)" = 0 ] ||
      [ "$(sip_calls "$1" $rate $((rate * 2)) 1000 | cut -d' ' -f1)" = 0 ] || break
    best=$rate
  done
  echo $best
}

# What is announced or open while so many calls live: a call that passes unread would be fast, too.
sip_open() { # LAB CALLS
  sip_calls "$1" 200 "$2" 10000 >"$work/sip-open" &
  local client=$!
  pids+=("$client")
  sleep $(($2 / 200 + 2))
  expectations "$1"
  wait "$client"
}

part_sip() {
  local nat who lab whos='plain accept kernel pinholed' run runs=3 rate=200 calls=4000 hold=10000 warm=20000 limit
  say ''
  if ! config_takes "$sip_config"; then
    say "SIP: not measured: $reason"
    return
  fi
  gcc -O2 -o "$work/sip_peer" "$here/benchmarks/sip_peer.c"
  for nat in routed masqueraded; do
    for who in $whos; do
      sip_lab sip-$nat-$who $nat $who
      if [ $who = kernel ] && ! sip_kernel_helper sip-$nat-kernel 2>>"$work/log"; then
        say 'This kernel has no helper for SIP (nf_conntrack_sip): not compared with it.'
        whos='plain accept pinholed'
      fi
    done
  done
  say "SIP: $rate calls a second in one flow, $((hold * rate / 1000)) at once, $runs runs of $calls calls, INVITE to 200"
  for nat in routed masqueraded; do
    for who in $whos; do
      # Warm: the agent's code is compiled while it runs, and it runs for months.
      [ $who = pinholed ] && limit=$warm || limit=2000
      sip_calls sip-$nat-$who 500 "$limit" 200 >/dev/null || die "sip-$nat-$who: no call"
    done
  done
  for ((run = 1; run <= runs; run++)); do
    for nat in routed masqueraded; do
      for who in $whos; do
        echo "sip-$nat-$who sip $(sip_calls sip-$nat-$who $rate $calls $hold)" >>"$work/results"
      done
    done
  done
  printf '  %-30s %8s %8s %10s %10s %16s\n' '' lost 'at once' 'p50 us' 'p99 us' 'calls/s, 0 lost'
  for nat in routed masqueraded; do
    for who in $whos; do
      lab=sip-$nat-$who
      printf '  %-30s %8s %8s %10s %10s %16s\n' "$nat, $who" "$(sip_sum $lab 3)" "$(median $lab sip 4)" \
        "$(median $lab sip 5)" "$(median $lab sip 6)" "$(sip_highest_rate $lab)"
    done
  done
  for nat in routed masqueraded; do
    lab=sip-$nat-pinholed
    aim "$nat: announced or open, all calls ended" "$(left_open $lab)" 0 ''
    # RTP and RTCP of both sides.
    floor "$nat: announced or open while 1000 calls live" "$(sip_open $lab 1000)" 4000
    aim "$nat: calls lost" "$(sip_sum $lab 3)" 0 ''
    case $whos in
      *kernel*)
        limit=$(awk -v k="$(median sip-$nat-kernel sip 5)" 'BEGIN { printf "%.1f", 1.5 * k + 40 }')
        aim "$nat: p50, at most 1.5 x the kernel helper's + 40 us" "$(median $lab sip 5)" "$limit" us
        ;;
      *) printf '  %-58s %9s us\n' "$nat: p50" "$(median $lab sip 5)" ;;
    esac
  done
}
