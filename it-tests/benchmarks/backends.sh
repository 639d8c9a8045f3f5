# What expectations of the kernel beside pinholes cost (docs/adr/0021); sourced by bench.sh.
# shellcheck shell=bash disable=SC2154

part_backends() {
  local module=$root/agent
  say 'Backends: a mark alone, and an expectation of the kernel beside it'
  if [ ! -f "$module/target/test-classpath" ] || [ ! -d "$module/target/test-classes" ]; then
    (cd "$root" && mvn -q -B -ntp -Pit -pl agent -am -DskipTests -DskipITs package)
  fi
  unshare -n java -XX:+UseSerialGC -cp "$(<"$module/target/test-classpath"):$module/target/test-classes" \
    org.pinholed.agent.pinhole.conntrack.BackendsBenchmark
  if ! config_takes 'backend: conntrack'; then
    echo "  the cycle of PASV: $reason"
    return
  fi
  part_lab marks
  part_lab expects
  pinholed_firewall marks
  firewall expects drop 'ct state established,related accept' 'tcp dport 21 ct state new accept'
  start_agent marks 'backend: nftables'
  start_agent expects 'backend: auto'
  if ! agent_ctl expects status --json | grep -q '"expectations" *: *"yes"'; then
    echo "  the cycle of PASV: $(agent_ctl expects status --json | grep -o '"expectations" *: *"[^"]*"')"
    return
  fi
  local round lab
  : >"$work/results"
  for ((round = 1; round <= rounds; round++)); do
    for lab in marks expects; do
      echo "$lab cycle $(on "$lab" c taskset -c 0 "$work/ftp_peer" client 203.0.113.2 cycle "$cycles")" >>"$work/results" ||
        die "$lab: data connections fail: $(tail -n 1 "$work/results")"
    done
  done
  note_ratio 'PASV and its data connection, p50: with / without' expects marks cycle
}
