package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.helper.Transport;

/**
 * The part of the configuration that the machine around the agent must fit.
 *
 * @param marks the bits of the conntrack mark
 * @param queue number of the first packet queue
 * @param queues how many there are, 1 or more
 * @param asymmetricRouting whether packets are read whatever device they come in by
 * @param backend what pinholes are opened with
 * @param diversion who gives control packets to the queues
 * @param helpers the helpers in force
 */
public record DoctorSettings(
    MarkBits marks,
    int queue,
    int queues,
    boolean asymmetricRouting,
    AgentConfig.Backend backend,
    Diversion diversion,
    List<HelperEntry> helpers) {
  /**
   * Who gives control packets to the queues.
   *
   * @param external whether the firewall's rules do, and not the agent's
   * @param bypass whether they pass while no agent runs
   */
  public record Diversion(boolean external, boolean bypass) {
    /** As it is where nothing is configured. */
    public static final Diversion DEFAULT = new Diversion(false, true);
  }

  /** Copies the helpers. */
  public DoctorSettings {
    helpers = List.copyOf(helpers);
  }

  /**
   * Takes from a configuration what is needed.
   *
   * @param config a checked configuration
   * @return the settings
   */
  public static DoctorSettings of(AgentConfig config) {
    return new DoctorSettings(
        config.marks(),
        config.queues().first(),
        config.queues().workers(),
        config.asymmetricRouting(),
        config.backend(),
        new Diversion(
            config.rules() == AgentConfig.Rules.EXTERNAL,
            config.fail().agentDown() == AgentConfig.OnFailure.PASS),
        config.helpers().stream().filter(HelperEntry::enabled).toList());
  }

  /**
   * Takes what is needed from what a running agent says of its configuration.
   *
   * @param config the answer to {@code config} on the control socket
   * @return the settings
   * @throws IllegalArgumentException if something is missing or out of its range
   */
  public static DoctorSettings of(JsonFields config) {
    JsonFields marks = config.object("marks");
    List<HelperEntry> helpers = new ArrayList<>();
    for (Object row : config.list("helpers")) {
      if (row instanceof JsonFields helper && helper.flag("enabled")) {
        helpers.add(
            new HelperEntry(
                (int) helper.number("id"),
                helper.text("name"),
                Transport.valueOf(helper.text("protocol").toUpperCase(Locale.ROOT)),
                (int) helper.number("port"),
                true,
                HelperEntry.DEFAULT_TIMEOUT, // not looked at here
                Map.of()));
      }
    }
    return new DoctorSettings(
        new MarkBits(
            (int) marks.number("child"),
            (int) marks.number("vetted"),
            (int) marks.number("opaque"),
            (int) marks.number("proven"),
            (int) marks.number("read"),
            (int) marks.number("policyMask")),
        (int) config.object("queues").number("first"),
        (int) config.object("queues").number("workers"),
        config.flag("asymmetricRouting"),
        AgentConfig.Backend.valueOf(config.text("backend").toUpperCase(Locale.ROOT)),
        new Diversion(
            config.text("rules").equals("external"),
            config.object("fail").text("agentDown").equals("pass")),
        helpers);
  }

  /**
   * Whether the agent has a table of its own in the kernel.
   *
   * @return false for a dry run
   */
  public boolean usesNftables() {
    return backend != AgentConfig.Backend.RECORDING;
  }

  /**
   * Whether the kernel expects children of pinholes where it can.
   *
   * @return false if all are only marked
   */
  public boolean expects() {
    return backend == AgentConfig.Backend.CONNTRACK || backend == AgentConfig.Backend.AUTO;
  }

  /**
   * Whether the kernel expects each child of a pinhole.
   *
   * @return false if some are only marked
   */
  public boolean expectsAll() {
    return backend == AgentConfig.Backend.CONNTRACK;
  }

  /**
   * Whether another configuration comes to the same here.
   *
   * @param other another one
   * @return false if they differ in what is looked at
   */
  public boolean isLike(DoctorSettings other) {
    return marks.equals(other.marks)
        && queue == other.queue
        && queues == other.queues
        && asymmetricRouting == other.asymmetricRouting
        && backend == other.backend
        && diversion.equals(other.diversion)
        && ports(this).equals(ports(other));
  }

  private static Set<String> ports(DoctorSettings settings) {
    return settings.helpers.stream()
        .map(helper -> helper.name() + "/" + helper.transport() + "/" + helper.port())
        .collect(Collectors.toSet());
  }

  boolean reads(String helper) {
    return helpers.stream().anyMatch(entry -> entry.name().equals(helper));
  }

  String childBit() {
    return String.format(Locale.ROOT, "0x%08x", marks.child());
  }
}
