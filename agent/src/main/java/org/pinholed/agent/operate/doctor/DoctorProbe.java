package org.pinholed.agent.operate.doctor;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;
import org.pinholed.agent.control.JsonFields;

/** What the doctor asks of the machine, so that its judgement can be tested without one. */
public interface DoctorProbe {
  /**
   * What came of asking for something.
   *
   * @param text the answer; empty if there is none
   * @param problem why there is none; empty if there is one
   */
  record Answer(String text, String problem) {
    static Answer of(String text) {
      return new Answer(text, "");
    }

    static Answer failed(String problem) {
      return new Answer("", problem);
    }

    boolean isThere() {
      return problem.isEmpty();
    }
  }

  /**
   * Who holds a packet queue: a socket may be open in several processes, as in the agent and in the
   * service manager that keeps it for the next agent.
   *
   * @param number the queue
   * @param processes those that can be seen from here
   */
  record QueueHolder(int number, List<HoldingProcess> processes) {
    boolean isHeldBy(long pid) {
      return processes.stream().anyMatch(process -> process.pid() == pid);
    }

    String text() {
      return processes.stream().map(HoldingProcess::text).collect(Collectors.joining(", "));
    }
  }

  /**
   * A process that holds something.
   *
   * @param pid its number
   * @param command its name, {@code pinholed} for an agent; empty if it cannot be seen
   */
  record HoldingProcess(long pid, String command) {
    boolean isServiceManager() {
      return pid == 1 && command.equals("systemd");
    }

    boolean isPinholed() {
      return command.equals("pinholed");
    }

    String text() {
      return "process " + pid + " (" + command + ")";
    }
  }

  /**
   * The status of the agent.
   *
   * @return its status; empty if it does not answer
   */
  Optional<JsonFields> agentStatus();

  /**
   * The configuration that the agent has in force, which its file may have left since.
   *
   * @return as {@link DoctorSettings#of(JsonFields)} reads it; empty if it does not answer
   */
  Optional<JsonFields> agentConfig();

  /**
   * Why the agent did not answer.
   *
   * @return a sentence; empty if it answered
   */
  String agentProblem();

  /**
   * What the agent has counted since it started, as {@code pinholectl stats} shows it.
   *
   * @return numbers by name, for example {@code refused.sip.anotherAlg}; empty if it does not
   *     answer
   */
  JsonFields agentCounters();

  /**
   * The capabilities in force of a process.
   *
   * @param pid the process; 0 for this one
   * @return the bits of {@code CapEff}; empty if there is no such process
   */
  OptionalLong capabilities(long pid);

  /**
   * Whether a process lives in the network namespace that the doctor looks at.
   *
   * @param pid the process
   * @return true also if it cannot be told
   */
  boolean sharesNetwork(long pid);

  /**
   * The whole nftables ruleset.
   *
   * @return output of {@code nft -j list ruleset}
   */
  Answer nftRuleset();

  /**
   * What one of the tools of iptables wrote: there may be two, with tables of their own.
   *
   * @param tool the command that changes these rules, for example {@code ip6tables-legacy}
   * @param inNftables whether they are tables of nftables
   * @param text output of its {@code -save}
   */
  record IptablesRules(String tool, boolean inNftables, String text) {}

  /**
   * The iptables rules.
   *
   * @param family 4 or 6
   * @return one for each tool that has rules
   */
  List<IptablesRules> iptablesRules(int family);

  /**
   * The network devices of this network namespace.
   *
   * @return their names
   */
  Set<String> devices();

  /**
   * A kernel setting.
   *
   * @param name with dots, as in {@code net.ipv4.ip_forward}
   * @return its value; empty if there is none
   */
  Optional<String> sysctl(String name);

  /**
   * The packet queues that are open in this network namespace.
   *
   * @return who holds each of them; empty if that cannot be seen by this process
   */
  Optional<List<QueueHolder>> queues();

  /**
   * What this kernel can do, found by trying.
   *
   * @return {@code yes}, or what is lost, by feature; a text that begins with {@code missing: } is
   *     of something that nothing works without
   */
  Map<String, String> kernelFeatures();

  /**
   * Whether the kernel could expect the children of pinholes, found by trying.
   *
   * @return a text that begins with {@code yes}, or {@code no: } and why not
   */
  String expectations();
}
