#!/bin/bash
# Runs the groups of tests that the job has: /job/tests/NN-NAME has the module in its first line and options of JUnit's console in the
# others. Of each group /job/out/NAME gets the reports and the exit code.
# A router has it loaded by its firewall, and its settings are there. The file of tun is there from the start on a system with udev.
modprobe -a nf_conntrack tun

# What the doctor finds of the kernel, for the table of docs/kernel.md; with this backend it also tries expectations.
echo 'backend: auto' >/tmp/facts.yaml
ip netns add facts
ip netns exec facts /job/dist/bin/pinholectl --socket /run/nobody doctor --config /tmp/facts.yaml --json >/job/out/doctor.json
ip netns delete facts

for file in /job/tests/*; do
  name=${file##*/} name=${name#*-}
  kind=nft
  case $name in *legacy*) kind=legacy ;; esac
  backend=nftables
  case $name in *conntrack*) backend=conntrack ;; *auto*) backend=auto ;; esac
  for tool in iptables ip6tables; do update-alternatives --quiet --set $tool /usr/sbin/$tool-$kind; done
  mkdir -p "/job/out/$name"
  begin=$(date +%s)
  echo "== $name"
  sed 1d "$file" >/tmp/options
  BACKEND=$backend bash /job/guest/junit.sh -XX:SharedArchiveFile=/job/lib/junit.jsa "$(sed -n 1p "$file")" "/job/out/$name" @/tmp/options
  echo $? >"/job/out/$name/exit"
  echo "== $name: exit code $(cat "/job/out/$name/exit"), $(($(date +%s) - begin)) s"
  sync
done
