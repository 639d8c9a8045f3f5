package org.pinholed.agent.operate.doctor;

import java.util.List;
import java.util.Locale;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.MarkBits;

/**
 * The part of the configuration that the machine around the agent must fit.
 *
 * @param marks the bits of the conntrack mark
 * @param queue number of the first packet queue
 * @param queues how many there are, 1 or more
 * @param asymmetricRouting whether packets are read whatever device they come in by
 * @param usesNftables whether the agent has a table of its own in the kernel
 * @param helpers the helpers in force
 */
public record DoctorSettings(
    MarkBits marks,
    int queue,
    int queues,
    boolean asymmetricRouting,
    boolean usesNftables,
    List<HelperEntry> helpers) {
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
        config.backend() == AgentConfig.Backend.NFTABLES,
        config.helpers().stream().filter(HelperEntry::enabled).toList());
  }

  boolean reads(String helper) {
    return helpers.stream().anyMatch(entry -> entry.name().equals(helper));
  }

  String childBit() {
    return String.format(Locale.ROOT, "0x%08x", marks.child());
  }
}
