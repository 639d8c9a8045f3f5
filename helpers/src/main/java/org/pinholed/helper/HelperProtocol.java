package org.pinholed.helper;

import java.util.List;
import java.util.Map;
import java.util.Set;

/** One protocol that can be read, as the configuration names it. Immutable, one per agent. */
public interface HelperProtocol {
  /**
   * The name in the configuration.
   *
   * @return lower case, for example {@code ftp}
   */
  String name();

  /**
   * What it can run over.
   *
   * @return TCP, UDP or both
   */
  Set<Transport> transports();

  /**
   * The options it knows, with one sentence each.
   *
   * @return option name to description
   */
  Map<String, String> options();

  /**
   * What is limited for each of its entries where the entry itself does not say it.
   *
   * @return at least {@link EntryLimit#EXPECTATIONS_PER_OWNER}
   */
  EntryLimits limits();

  /**
   * How long a message may be over TCP that is kept until it is whole, if that is more than {@link
   * HelperLimits#streamBufferBytes()} of the configuration. Its flows have that much room.
   *
   * @return in bytes, at most 65536; 0 for protocols whose messages are lines
   */
  default int longestMessageBytes() {
    return 0;
  }

  /**
   * Checks options and makes what opens flows of one configured entry.
   *
   * @param options values as the configuration file gives them: text, numbers, booleans, lists
   * @param limits limits on hostile input, with room for {@link #longestMessageBytes}
   * @return a factory that is used by several threads
   * @throws IllegalArgumentException for an unknown option or a bad value, in the form {@code
   *     field: value (expected: range)}
   */
  Factory configure(Map<String, Object> options, HelperLimits limits);

  /** Makes the state of one parent flow. Thread-safe. */
  interface Factory {
    /**
     * Opens a flow.
     *
     * @param facts what is known of it
     * @param shared what all flows of the protocol share
     * @return a {@link StreamHelper} for TCP, a {@link DatagramHelper} for UDP
     */
    SessionHelper open(FlowFacts facts, SharedState shared);

    /**
     * The ranges of ports that its helpers may lease.
     *
     * @return none for most
     */
    default List<LeasedPorts> leasedPorts() {
      return List.of();
    }
  }
}
