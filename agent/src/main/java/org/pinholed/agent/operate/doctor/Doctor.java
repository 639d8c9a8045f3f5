package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.agent.operate.doctor.DoctorProbe.HoldingProcess;
import org.pinholed.agent.operate.doctor.DoctorProbe.QueueHolder;
import org.pinholed.agent.service.Capabilities;

/** Judges what a {@link DoctorProbe} sees. Pure: it reads, compares and says. */
public final class Doctor {
  /** How a feature is reported that nothing works without. */
  static final String MISSING = "missing: ";

  private final DoctorProbe probe;
  private final DoctorSettings settings;
  private final List<Finding> findings = new ArrayList<>();

  private Doctor(DoctorProbe probe, DoctorSettings settings) {
    this.probe = probe;
    this.settings = settings;
  }

  /**
   * Looks at everything.
   *
   * @param probe the machine
   * @param settings what the agent is configured for
   * @return the findings, in the order of the packet's way
   */
  public static List<Finding> examine(DoctorProbe probe, DoctorSettings settings) {
    Doctor doctor = new Doctor(probe, settings);
    Optional<JsonFields> status = probe.agentStatus();
    boolean privileged = doctor.privileges();
    doctor.agent(status);
    if (status.isPresent()) {
      doctor.otherHelpers(probe.agentCounters());
    }
    if (privileged) {
      doctor.kernel();
    }
    FirewallCheck.Result firewall = FirewallCheck.of(probe, settings);
    if (firewall.readable()) {
      doctor.ownTable(status.isPresent(), firewall.ownTable());
    }
    doctor.marks();
    doctor.findings.addAll(firewall.findings());
    doctor.queues(status, privileged);
    doctor.findings.addAll(ReversePathCheck.of(probe, settings));
    doctor.settingsOfTheKernel();
    return doctor.findings;
  }

  /**
   * Whether pinholes can work.
   *
   * @param findings of an examination
   * @return false if one of them failed
   */
  public static boolean isHealthy(List<Finding> findings) {
    return findings.stream().noneMatch(finding -> finding.level() == Finding.Level.FAIL);
  }

  /** Whether the kernel and the firewall can be asked. */
  private boolean privileges() {
    OptionalLong own = probe.capabilities(0);
    if (own.isPresent() && !Capabilities.haveNetAdmin(own.getAsLong())) {
      findings.add(
          Finding.fail(
              "privileges",
              "without CAP_NET_ADMIN neither the kernel's features, nor the firewall, nor who holds"
                  + " the packet queues can be looked at",
              "sudo pinholectl doctor"));
      return false;
    }
    findings.add(Finding.ok("privileges", "CAP_NET_ADMIN is there"));
    return true;
  }

  private void agent(Optional<JsonFields> status) {
    if (status.isEmpty()) {
      findings.add(Finding.fail("agent", "it does not answer: " + probe.agentProblem()));
      return;
    }
    JsonFields agent = status.get();
    long pid = agent.number("pid");
    OptionalLong capabilities = probe.capabilities(pid);
    if (capabilities.isPresent() && !Capabilities.haveNetAdmin(capabilities.getAsLong())) {
      findings.add(Finding.fail("agent", "process " + pid + " runs without CAP_NET_ADMIN"));
    } else if (!probe.sharesNetwork(pid)) {
      findings.add(
          Finding.warn(
              "agent",
              "process " + pid + " runs in another network namespace than the one looked at here",
              "nsenter -t " + pid + " -n pinholectl doctor"));
    } else {
      findings.add(
          Finding.ok("agent", "pinholed " + agent.text("version") + " answers, process " + pid));
    }
    if (!agent.text("lastError").isEmpty()) {
      findings.add(Finding.warn("lastError", agent.text("lastError")));
    }
    if (!agent.text("tableWatchProblem").isEmpty()) {
      findings.add(
          Finding.warn(
              "tableWatch",
              "the agent does not watch its table now, so what others change in it may stay: "
                  + agent.text("tableWatchProblem")
                  + "; it tries again by itself"));
    }
    if (agent.number("queueDropped") > 0) {
      findings.add(
          Finding.warn(
              "queueDrops",
              agent.text("queueDropped")
                  + " control packets were lost by the kernel since the queue was opened; a longer"
                  + " queue (queues.lengthPackets) or receive buffer helps"));
    }
  }

  /** What shows that somebody else changes the same messages: two that do are one too many. */
  private void otherHelpers(JsonFields counters) {
    List<String> evidence = new ArrayList<>();
    for (String name : counters.names()) {
      long count = counters.number(name);
      if (count > 0 && name.endsWith(".anotherAlg")) {
        evidence.add(
            count + " messages had the outside address in their Via before they came here");
      } else if (count > 0 && name.endsWith(".contentLengthBeyondEnd")) {
        evidence.add(count + " messages were shorter than their Content-Length says");
      }
    }
    if (!evidence.isEmpty()) {
      findings.add(
          Finding.warn(
              "otherAlg",
              "another application gateway or kernel helper seems to change SIP before it comes"
                  + " here ("
                  + String.join("; ", evidence)
                  + "); switch it off there"));
    }
  }

  private void kernel() {
    for (Map.Entry<String, String> feature : probe.kernelFeatures().entrySet()) {
      String text = feature.getValue();
      if (text.equals("yes")) {
        findings.add(Finding.ok(feature.getKey(), text));
      } else if (text.startsWith(MISSING)) {
        findings.add(Finding.fail(feature.getKey(), text.substring(MISSING.length())));
      } else {
        findings.add(Finding.info(feature.getKey(), text));
      }
    }
    if (settings.expects()) {
      expectations(probe.expectations());
    }
  }

  private void expectations(String text) {
    if (text.startsWith("yes")) {
      findings.add(Finding.ok("expectations", text));
    } else if (settings.expectsAll()) {
      findings.add(
          Finding.fail("expectations", text + ": backend: conntrack cannot be used, auto can"));
    } else {
      findings.add(
          Finding.info("expectations", text + ": children come through by the accept rule alone"));
    }
  }

  private void ownTable(boolean agentRuns, boolean there) {
    if (!settings.usesNftables()) {
      findings.add(Finding.info("table", "a dry run (backend: recording) opens no pinholes"));
    } else if (agentRuns && !there) {
      findings.add(
          Finding.fail(
              "table",
              "the agent runs and its table "
                  + FirewallCheck.OWN_TABLE
                  + " is not here: it runs in"
                  + " another network namespace, or could not write it"));
    } else if (agentRuns) {
      findings.add(Finding.ok("table", FirewallCheck.OWN_TABLE + " is there"));
    } else if (there) {
      findings.add(
          Finding.info(
              "table",
              FirewallCheck.OWN_TABLE
                  + " was left by an agent that no longer answers; its pinholes run out by their"
                  + " timeouts, and the next agent takes it over"));
    }
  }

  private void marks() {
    MarkBits marks = settings.marks();
    findings.add(
        Finding.info(
            "marks",
            String.format(
                Locale.ROOT,
                "bits of the conntrack mark that are the agent's: 0x%08x child (the accept rule"
                    + " goes by this one alone), 0x%08x child that is read, 0x%08x vetted, 0x%08x"
                    + " opaque, 0x%08x proven; 0x%08x is the policy's number",
                marks.child(),
                marks.read(),
                marks.vetted(),
                marks.opaque(),
                marks.proven(),
                marks.policyMask())));
  }

  private void queues(Optional<JsonFields> status, boolean privileged) {
    Optional<List<QueueHolder>> holders = probe.queues();
    if (holders.isEmpty()) {
      findings.add(
          Finding.info(
              "queue", "who holds the packet queues can be seen by root alone, so not here"));
      return;
    }
    for (int index = 0; index < settings.queues(); index++) {
      queue(settings.queue() + index, holders.get(), status, privileged);
    }
  }

  private void queue(
      int number, List<QueueHolder> holders, Optional<JsonFields> status, boolean privileged) {
    for (QueueHolder holder : holders) {
      if (holder.number() != number) {
        continue;
      }
      List<HoldingProcess> processes = holder.processes();
      if (status.isPresent()
          && (processes.isEmpty() || holder.isHeldBy(status.get().number("pid")))) {
        findings.add(Finding.ok("queue", "queue " + number + " is the agent's"));
      } else if (processes.isEmpty() && !privileged) {
        findings.add(
            Finding.info(
                "queue", "queue " + number + " is held; by whom can be seen by root alone"));
      } else if (processes.size() == 1 && processes.get(0).isServiceManager()) {
        findings.add(
            Finding.info(
                "queue",
                "queue " + number + " is kept by systemd for the next process of the agent"));
      } else if (processes.stream().anyMatch(HoldingProcess::isPinholed)) {
        findings.add(
            Finding.fail(
                "queue",
                "queue "
                    + number
                    + " is held by another agent than the one that was asked: "
                    + holder.text()
                    + "; ask that one by its own control socket (--socket), or stop it"));
      } else {
        String who =
            processes.isEmpty() ? "a process that cannot be seen from here" : holder.text();
        findings.add(
            Finding.fail(
                "queue",
                "queue " + number + " is held by " + who + ", so the agent cannot have it",
                "set queues.first in pinholed.yaml so that its queues are free"));
      }
      return;
    }
    findings.add(
        status.isPresent() && probe.sharesNetwork(status.get().number("pid"))
            ? Finding.fail("queue", "the agent runs and queue " + number + " is not open")
            : Finding.ok("queue", "queue " + number + " is free"));
  }

  private void settingsOfTheKernel() {
    sysctl(
        "net.netfilter.nf_conntrack_events",
        "0",
        Finding.Level.FAIL,
        "is 0: the end of a parent and the arrival of a child are not noticed",
        "1");
    sysctl(
        "net.netfilter.nf_conntrack_helper",
        "1",
        Finding.Level.WARN,
        "is 1: the kernel's own helpers work on the same flows",
        "0");
    sysctl(
        "net.ipv4.ip_forward", "0", Finding.Level.WARN, "is 0: this machine forwards no IPv4", "1");
    sysctl(
        "net.ipv6.conf.all.forwarding",
        "0",
        Finding.Level.INFO,
        "is 0: this machine forwards no IPv6",
        "1");
    sysctl(
        "net.netfilter.nf_conntrack_tcp_be_liberal",
        "1",
        Finding.Level.INFO,
        "is 1: segments outside the window pass, so a guessed segment reaches a control connection"
            + " more easily",
        "0");
    sysctl(
        "net.netfilter.nf_conntrack_acct",
        "0",
        Finding.Level.INFO,
        "is 0: the kernel does not count, so records of children, calls and explain have no packets"
            + " and bytes; 1 counts connections that begin from then on",
        "1");
  }

  private void sysctl(String name, String bad, Finding.Level level, String what, String better) {
    Optional<String> value = probe.sysctl(name);
    if (value.isPresent() && value.get().equals(bad)) {
      findings.add(
          new Finding(
              level,
              "sysctl",
              name + " " + what,
              level == Finding.Level.INFO
                  ? List.of()
                  : List.of("sysctl -w " + name + "=" + better)));
    }
  }
}
