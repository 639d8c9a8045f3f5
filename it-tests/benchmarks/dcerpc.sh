# A question to the endpoint mapper of DCE-RPC and the connection to where its answer points: plain forwarding, a C program that
# accepts the same packets unread, pinholed, and a PASV cycle of FTP through pinholed side by side; sourced by bench.sh.
# shellcheck shell=bash disable=SC2154

# A client that asks for a thousand services in a second, each at another port, is none that exists. It has its wish here: each of them
# is an owner of its own, and all of them are of one connection, which usually has 64. They go as soon as they may, since with an operator's ten
# minutes they would add up to hundreds of thousands: a second after the end of their only connection, which conntrack remembers for
# ten. So some thousands are open all the time.
dcerpc_config='helpers: [{id: 1, name: dcerpc, protocol: tcp, port: 135, ownersPerSource: 65536, expectationsPerParent: 65535, options: {idle: 1s}}]'

dcerpc_lab() { # LAB WHO
  local open='tcp dport { 21, 135 } ct state new accept'
  labs="$labs $1"
  lab_up "$(namespace "$1" c)" "$(namespace "$1" r)" "$(namespace "$1" s)"
  if [ "$2" = ftp ]; then
    background ip netns exec "$(namespace "$1" s)" taskset -c $(($(nproc) - 1)) "$work/ftp_peer" server 203.0.113.2
  else
    background ip netns exec "$(namespace "$1" s)" taskset -c $(($(nproc) - 1)) "$work/rpc_peer" server 203.0.113.2
  fi
  case $2 in
    plain) firewall "$1" accept 'ct state established accept' ;;
    accept)
      firewall "$1" accept 'ct state established accept'
      accept_loops "$1" 1 "$dcerpc_config
queues: {count: 1}"
      ;;
    pinholed | ftp)
      # Only the marked get in: a connection that nobody announced fails, and with it the measurement.
      firewall "$1" drop 'ct state established accept' 'ct mark & 0x40000000 != 0 accept' "$open"
      [ "$2" = ftp ] && start_agent "$1" '' || start_agent "$1" "$dcerpc_config"
      ;;
  esac
}

dcerpc_measure() { # WHO KIND COUNT
  local peer=rpc_peer
  [ "$1" != ftp ] || peer=ftp_peer
  on dcerpc-"$1" c taskset -c 0 "$work/$peer" client 203.0.113.2 "$2" "$3"
}

dcerpc_row() { # TEXT WHO KIND
  printf '  %-46s %10s %10s %10s\n' "$1" "$(median dcerpc-"$2" "$3" 3)" "$(median dcerpc-"$2" "$3" 4)" "$(median dcerpc-"$2" "$3" 5)"
}

part_dcerpc() {
  local who kind result
  say ''
  if ! config_takes "$dcerpc_config"; then
    say "DCE-RPC: not measured: $reason"
    return
  fi
  gcc -O2 -o "$work/rpc_peer" "$here/benchmarks/rpc_peer.c"
  for who in plain accept pinholed ftp; do
    dcerpc_lab dcerpc-$who $who
    await 10 dcerpc_measure $who cycle 10 || die "dcerpc-$who: no answer from the server: $(tail -n 5 "$work/log")"
  done
  # Warm: the agent's code is compiled while it runs, and it runs for months.
  for who in pinholed ftp; do
    for _ in 1 2 3 4; do
      dcerpc_measure $who cycle 2000 >/dev/null || die "dcerpc-$who: data connections fail: $(tail -n 5 "$work/log")"
    done
  done
  for who in plain accept pinholed; do dcerpc_measure $who again 2000 >/dev/null || die "dcerpc-$who: data connections fail"; done
  for ((round = 1; round <= rounds; round++)); do
    for kind in cycle again; do
      for who in plain accept pinholed ftp; do
        [ $kind = cycle ] || [ $who != ftp ] || continue
        result=$(dcerpc_measure $who $kind $cycles) || die "dcerpc-$who $kind: operations failed: $result"
        echo "dcerpc-$who $kind $result" >>"$work/results"
      done
    done
  done
  printf '%-48s %10s %10s %10s\n' 'DCE-RPC: ept_map + data connection' 'p50 us' 'p99 us' 'per s'
  for kind in cycle again; do
    result='another port each time'
    [ $kind = cycle ] || result='the same port again'
    dcerpc_row "plain forwarding, $result" plain $kind
    dcerpc_row "C accept loop, $result" accept $kind
    dcerpc_row "pinholed, $result" pinholed $kind
  done
  dcerpc_row 'pinholed, PASV of FTP' ftp cycle
  aim_ratio 'cycle p50 against plain forwarding' dcerpc-pinholed dcerpc-plain cycle 1.5
  aim_ratio 'cycle p50 against the PASV cycle of FTP' dcerpc-pinholed dcerpc-ftp cycle 1.3
  note_ratio 'cycle p50 against the C accept loop' dcerpc-pinholed dcerpc-accept cycle
  note_ratio 'the same port again against plain forwarding' dcerpc-pinholed dcerpc-plain again
  note_ratio 'the same port again against the accept loop' dcerpc-pinholed dcerpc-accept again
  aim 'announced or open, all connections ended' "$(left_open dcerpc-pinholed)" 0 ''
}
