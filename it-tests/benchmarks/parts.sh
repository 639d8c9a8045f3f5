# Parts of bench.sh beyond plain forwarding; sourced by it. Each sets up what it needs, prints its
# numbers, takes everything down, and says why if it cannot be measured with this agent.
# shellcheck shell=bash disable=SC2154

dist=$root/agent/target/pinholed

# config_takes YAML: whether this agent knows such a configuration; $reason says why not.
config_takes() {
  printf '%s\n' "$1" >"$work/probe.yaml"
  reason=$("$dist/bin/pinholed" --config "$work/probe.yaml" --check-config 2>&1 | tail -n 1)
  "$dist/bin/pinholed" --config "$work/probe.yaml" --check-config >/dev/null 2>&1
}

# start_agent NAME YAML [PROGRAM]: an agent in the router of that lab; its process id in $agent_pid.
start_agent() {
  printf 'control: {socket: %s}\nmetrics: {enabled: false}\n%s\n' "$work/$1.sock" "$2" >"$work/$1.yaml"
  background ip netns exec "$(namespace "$1" r)" "${3:-$dist/bin/pinholed}" --config "$work/$1.yaml"
  agent_pid=${pids[-1]}
  await 20 agent_ctl "$1" status || die "$1: the agent does not start: $(tail -n 5 "$work/log")"
}
agent_ctl() { on "$1" r "$dist/bin/pinholectl" --socket "$work/$1.sock" "${@:2}"; }

stop_process() {
  kill "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

# part_lab NAME: a lab with the server in it.
part_lab() {
  labs="$labs $1"
  lab_up "$(namespace "$1" c)" "$(namespace "$1" r)" "$(namespace "$1" s)"
  background ip netns exec "$(namespace "$1" s)" \
    taskset -c $(($(nproc) - 1)) "$work/ftp_peer" server 203.0.113.2
  await 10 on "$1" c "$work/ftp_peer" client 203.0.113.2 noop 1 || die "$1: no server"
}

pinholed_firewall() {
  firewall "$1" drop 'ct state established accept' 'ct mark & 0x40000000 != 0 accept' \
    'tcp dport 21 ct state new accept'
}

kernel_firewall() {
  firewall "$1" drop 'ct state established,related accept' 'tcp dport 21 ct state new accept'
  on "$1" r nft -f - <<'RULES'
table inet helpers {
  ct helper ftp { type "ftp" protocol tcp; l3proto ip; }
  chain pre { type filter hook prerouting priority mangle; tcp dport 21 ct helper set "ftp"; }
}
RULES
}

# translate LAB masquerade|dnat
translate() {
  if [ "$2" = masquerade ]; then
    on "$1" r nft -f - <<'RULES'
table ip nat {
  chain post { type nat hook postrouting priority srcnat; oifname r1 masquerade; }
}
RULES
    ip -n "$(namespace "$1" s)" route del default
  else
    on "$1" r nft -f - <<'RULES'
table ip nat {
  chain pre {
    type nat hook prerouting priority dstnat;
    ip daddr 198.51.100.1 tcp dport 21 dnat to 203.0.113.2
  }
}
RULES
    ip -n "$(namespace "$1" c)" route del default
  fi
}

# accept_loops LAB COUNT YAML [PROGRAM]: the very diversion that the agent makes, read by COUNT C programs; an agent leaves it behind.
accept_loops() {
  local queue
  start_agent "$1" "$3
fail: {onStop: keep}" "${4:-}"
  stop_process "$agent_pid"
  for ((queue = 0; queue < $2; queue++)); do
    background ip netns exec "$(namespace "$1" r)" "$work/queue_accept" $queue
  done
}

# PASV and a data connection through translation: the 227 is rewritten behind dnat only. The C program rewrites nothing, so
# its client finds the server by the address that the server names.
part_translation() {
  local nat who lab dialed result one_queue=
  ! config_takes 'queues: {count: 1}' || one_queue='queues: {count: 1}'
  say ''
  say 'PASV + data connection behind address translation'
  for nat in masquerade dnat; do
    dialed=203.0.113.2
    [ $nat = masquerade ] || dialed=198.51.100.1
    for who in kernel pinholed accept; do
      lab=$nat-$who
      part_lab "$lab"
      if [ $who = accept ]; then
        firewall "$lab" accept 'ct state established accept'
      else
        "${who}_firewall" "$lab"
      fi
      translate "$lab" $nat
      if [ $who = accept ]; then
        ip -n "$(namespace "$lab" c)" route replace default via 198.51.100.1
        accept_loops "$lab" 1 "$one_queue"
        await 5 on "$lab" c "$work/ftp_peer" client $dialed noop 10 || die "$lab: no answer"
      elif [ $who = pinholed ]; then
        start_agent "$lab" ''
        for _ in 1 2 3 4; do
          on "$lab" c taskset -c 0 "$work/ftp_peer" client $dialed cycle 2000 >/dev/null 2>&1 || break
        done
      fi
    done
    if ! on $nat-pinholed c "$work/ftp_peer" client $dialed cycle 20 >/dev/null 2>&1; then
      printf '  %-22s not measured: data connections fail with this agent\n' $nat
      continue
    fi
    for ((round = 1; round <= rounds; round++)); do
      for who in kernel pinholed accept; do
        result=$(on $nat-$who c taskset -c 0 "$work/ftp_peer" client $dialed cycle $cycles) ||
          die "$nat $who: cycles failed: $result"
        echo "$nat-$who cycle $result" >>"$work/results"
      done
    done
    for who in kernel pinholed accept; do
      printf '  %-22s %10s %10s %10s\n' "$nat, $who" "$(median $nat-$who cycle 3)" \
        "$(median $nat-$who cycle 4)" "$(median $nat-$who cycle 5)"
    done
    if [ $nat = dnat ]; then
      aim_ratio "$nat: cycle p50 against the C accept loop" $nat-pinholed $nat-accept cycle 1.30
    else
      note_ratio "$nat: cycle p50 against the C accept loop" $nat-pinholed $nat-accept cycle
    fi
    note_ratio "$nat: cycle p50 against the kernel helper" $nat-pinholed $nat-kernel cycle
  done
}

# Packets through the queues of a router so far (the last id that each queue gave).
queued_packets() { on "$1" r awk '{ n += $8 } END { printf "%.0f", n }' /proc/net/netfilter/nfnetlink_queue; }

flood() { # LAB SECONDS: packets a second through the queues
  local before after
  before=$(queued_packets "$1")
  on "$1" c "$work/ftp_peer" client 203.0.113.2 flood "$2" >/dev/null || die "$1: the flood stands still"
  after=$(queued_packets "$1")
  echo $(((after - before) / $2))
}

part_saturation() {
  local count counts=1 lab
  say ''
  say 'Saturation: NOOPs on 32 connections, packets a second through the queues'
  if config_takes 'queues: {count: 2}'; then
    counts='1 2'
  else
    printf '  %-22s not measured: %s\n' '2 workers' "$reason"
  fi
  for count in $counts; do
    local queues=
    [ "$counts" = 1 ] || queues="queues: {count: $count}"
    for lab in flood-$count-accept flood-$count-pinholed; do
      part_lab $lab
      pinholed_firewall $lab
      if [ $lab = flood-$count-pinholed ]; then
        start_agent $lab "$queues"
      else
        accept_loops $lab "$count" "$queues"
        await 5 on $lab c "$work/ftp_peer" client 203.0.113.2 noop 10 || die "$lab: no answer"
      fi
      flood $lab 2 >/dev/null
      flood $lab 2 >/dev/null
    done
    for ((round = 1; round <= 5; round++)); do
      for lab in flood-$count-accept flood-$count-pinholed; do
        echo "$lab flood $(flood $lab 2)" >>"$work/results"
      done
    done
    local accept agent
    accept=$(median flood-$count-accept flood 3) agent=$(median flood-$count-pinholed flood 3)
    printf '  %-22s %10s\n' "$count C accept loop(s)" "$accept" "pinholed, $count worker(s)" "$agent"
    floor "pinholed with $count worker(s) against the accept loop" "$(ratio "$agent" "$accept")" 0.9
  done
}

exchange() { # LAB SECONDS: datagrams that came back in a second
  local back
  back=$(on "$1" c "$work/udp_peer" client 203.0.113.2 "$2") || die "$1: no datagram comes back"
  echo "${back#* }"
}

# CPU time of all threads of processes, in nanoseconds.
cpu_ns() {
  local pid
  for pid in "$@"; do cat /proc/"$pid"/task/*/schedstat; done | awk '{ n += $1 } END { printf "%.0f", n }'
}

# Datagrams of the laboratory's own protocol, of no interest, read by the agent or by nobody.
part_datagrams() {
  local count lab yaml first readers
  local -A reader_pids cpu packets
  say ''
  say 'Datagrams to and fro on 32 flows, answers a second'
  gcc -O2 -o "$work/udp_peer" "$here/benchmarks/udp_peer.c"
  "$here/src/protocol/build.sh" "$dist" "$work/lab-agent" || die 'the protocol of the laboratory does not compile'
  for count in 1 2; do
    yaml="queues: {count: $count}
helpers: [{id: 1, name: lab, protocol: udp, port: 5959}]"
    for lab in datagrams-$count-accept datagrams-$count-pinholed; do
      labs="$labs $lab"
      lab_up "$(namespace $lab c)" "$(namespace $lab r)" "$(namespace $lab s)"
      background ip netns exec "$(namespace $lab s)" taskset -c $(($(nproc) - 1)) "$work/udp_peer" server 203.0.113.2
      firewall $lab drop 'ct state established accept' 'udp dport 5959 ct state new accept'
      if [ $lab = datagrams-$count-pinholed ]; then
        start_agent $lab "$yaml" "$work/lab-agent/pinholed"
        reader_pids[$lab]=$agent_pid
      else
        accept_loops $lab "$count" "$yaml" "$work/lab-agent/pinholed"
        readers=("${pids[@]: -$count}")
        reader_pids[$lab]="${readers[*]}"
      fi
      cpu[$lab]=0 packets[$lab]=0
      # Warm: the agent's code is compiled while it runs.
      exchange $lab 3 >/dev/null
    done
    local before
    before=$(queued_packets datagrams-$count-pinholed)
    exchange datagrams-$count-pinholed 2 >/dev/null
    [ "$(queued_packets datagrams-$count-pinholed)" -gt $((before + 1000)) ] || die 'datagrams are not queued: nothing to measure'
    for ((round = 1; round <= rounds; round++)); do
      for lab in datagrams-$count-accept datagrams-$count-pinholed; do
        # shellcheck disable=SC2086 # process ids are words
        first=$(cpu_ns ${reader_pids[$lab]}) before=$(queued_packets $lab)
        echo "$lab exchange $(exchange $lab 2)" >>"$work/results"
        # shellcheck disable=SC2086
        cpu[$lab]=$((cpu[$lab] + $(cpu_ns ${reader_pids[$lab]}) - first))
        packets[$lab]=$((packets[$lab] + $(queued_packets $lab) - before))
      done
    done
    local accept pinholed
    accept=$(median datagrams-$count-accept exchange 3) pinholed=$(median datagrams-$count-pinholed exchange 3)
    printf '  %-22s %10s\n' "$count C accept loop(s)" "$accept" "pinholed, $count worker(s)" "$pinholed"
    floor "pinholed with $count worker(s) against the accept loop" "$(ratio "$pinholed" "$accept")" 0.95
    for lab in datagrams-$count-accept datagrams-$count-pinholed; do
      printf '  %-58s %9s us\n' "CPU time for a datagram, ${lab##*-}" \
        "$(awk -v c="${cpu[$lab]}" -v p="${packets[$lab]}" 'BEGIN { printf "%.2f", p ? c / p / 1000 : 0 }')"
    done
    printf '  %-58s %s\n' '' "$(round_ratios datagrams-$count-pinholed datagrams-$count-accept exchange |
      awk '{ v[NR] = $1 } END { printf "each round: middle %.2f, middle half %.2f .. %.2f", v[int((NR + 1) / 2)], v[int((NR + 3) / 4)], v[int((3 * NR + 3) / 4)] }')"
  done
}

expectations() { # LAB: how many the agent knows, of all states
  agent_ctl "$1" --json status | tr -d ' \n' | sed -n 's/.*"expectations":{\([^}]*\)}.*/\1/p' |
    tr ',' '\n' | awk -F: '{ n += $2 } END { print n + 0 }'
}

nothing_open() { [ "$(expectations "$1")" = 0 ]; } # LAB

# What is still announced or open of what ended. A call of SIP of which the agent saw only the beginning, unanswered, is
# forgotten after 32 s; a connection that was reset, by conntrack after 10 s.
left_open() { # LAB
  await 60 nothing_open "$1" || true
  expectations "$1"
}

# Killed with so many pinholes open, started anew, and asked.
part_restart() {
  local count=10000 begin ready listed yaml
  yaml='helpers: [{id: 1, name: ftp, protocol: tcp, port: 21, timeout: 10m}]
limits: {expectations: 65536, expectationsPerSource: 65536}'
  say ''
  say "Restart with $count pinholes"
  part_lab restart
  pinholed_firewall restart
  start_agent restart "$yaml"
  mkfifo "$work/announced"
  on restart c "$work/ftp_peer" client 203.0.113.2 announce $count <"$work/announced" >"$work/announced.out" &
  pids+=($!)
  exec {hold_open}>"$work/announced"
  await 60 grep -q held "$work/announced.out" || die "$count announcements do not come about"
  count=$(expectations restart)
  kill -9 "$agent_pid"
  wait "$agent_pid" 2>/dev/null || true
  begin=$(now_ms)
  start_agent restart "$yaml"
  ready=$(($(now_ms) - begin))
  listed=$(expectations restart)
  if [ "$listed" -lt "$count" ]; then
    printf '  not measured: the agent knows %s of %s pinholes after its restart\n' "$listed" "$count"
  else
    aim "from start to a first answered status, $listed pinholes adopted" "$ready" 2000 ms
  fi
  if agent_ctl restart help 2>/dev/null | grep -qw audit || agent_ctl restart --help 2>/dev/null | grep -qw audit; then
    agent_ctl restart audit >"$work/audit" 2>&1 && say '  pinholectl audit: no difference' ||
      printf '  pinholectl audit found a difference: %s\n' "$(head -n 3 "$work/audit")"
  fi
  exec {hold_open}>&-
}

# The longest wait for a reply while one agent takes over from another.
part_replace() {
  local result count longest watcher
  say ''
  say 'Hitless restart'
  if ! "$dist/bin/pinholed" --help 2>&1 | grep -q -- --replace; then
    say '  not measured: this agent has no --replace'
    return
  fi
  part_lab replace
  pinholed_firewall replace
  start_agent replace ''
  on replace c "$work/ftp_peer" client 203.0.113.2 noop 2000 >/dev/null
  on replace c "$work/ftp_peer" client 203.0.113.2 gap 6 >"$work/gap" &
  watcher=$!
  pids+=("$watcher")
  background ip netns exec "$(namespace replace r)" "$dist/bin/pinholed" --replace --config "$work/replace.yaml"
  local fresh=${pids[-1]}
  wait "$watcher" || die "the control connection broke: $(tail -n 5 "$work/log")"
  read -r count longest <"$work/gap"
  ! kill -0 "$agent_pid" 2>/dev/null || die 'the old agent still runs'
  kill -0 "$fresh" || die "the new agent is gone: $(tail -n 5 "$work/log")"
  aim "longest of $count round trips while it was replaced" "$longest" 1000 ms
}
