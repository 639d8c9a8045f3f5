package org.pinholed.agent.config;

import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.Ranges;
import org.pinholed.helper.Transport;

/**
 * One line of the table of session helpers: which protocol is read on which port.
 *
 * @param id number by which it is deleted, 1..65535, unique
 * @param name the protocol, for example {@code ftp}
 * @param transport TCP or UDP
 * @param port server port of the parent flows, 1..65535
 * @param enabled false leaves the port alone, as if the entry were not there
 * @param mode whether what is announced is opened
 * @param timeout how long an expectation waits, 1 s to 1 h; null for as long as the parent lives
 * @param limits what is limited for it alone
 * @param options options of the protocol, by name
 */
public record HelperEntry(
    int id,
    String name,
    Transport transport,
    int port,
    boolean enabled,
    Mode mode,
    @Nullable Duration timeout,
    EntryLimits limits,
    Map<String, Object> options) {
  /** What becomes of what is announced. */
  public enum Mode {
    /** It is opened, and messages are rewritten where addresses are translated. */
    ENFORCE,
    /** It is only looked whether it comes: nothing is opened, and nothing rewritten. */
    OBSERVE
  }

  /** How long an expectation waits where nothing is configured. */
  public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(30);

  /** The shortest timeout. */
  static final Duration TIMEOUT_MIN = Duration.ofSeconds(1);

  /** The longest timeout. */
  static final Duration TIMEOUT_MAX = Duration.ofHours(1);

  /** Refuses values outside their ranges. */
  public HelperEntry {
    Ranges.require("id", id, 1, 65535);
    Ranges.require("port", port, 1, 65535);
    if (timeout != null
        && (timeout.compareTo(TIMEOUT_MIN) < 0 || timeout.compareTo(TIMEOUT_MAX) > 0)) {
      throw new IllegalArgumentException(
          "timeout: " + DurationParser.formatTimeout(timeout) + " (expected: 1s..1h, or parent)");
    }
    options = Map.copyOf(options);
  }

  /**
   * An entry whose limits are those of its protocol.
   *
   * @param id number by which it is deleted, 1..65535, unique
   * @param name the protocol
   * @param transport TCP or UDP
   * @param port server port of the parent flows, 1..65535
   * @param enabled false leaves the port alone
   * @param timeout how long an expectation waits; null for as long as the parent lives
   * @param options options of the protocol, by name
   */
  public HelperEntry(
      int id,
      String name,
      Transport transport,
      int port,
      boolean enabled,
      @Nullable Duration timeout,
      Map<String, Object> options) {
    this(id, name, transport, port, enabled, timeout, EntryLimits.NONE, options);
  }

  /**
   * An entry that opens what is announced.
   *
   * @param id number by which it is deleted, 1..65535, unique
   * @param name the protocol
   * @param transport TCP or UDP
   * @param port server port of the parent flows, 1..65535
   * @param enabled false leaves the port alone
   * @param timeout how long an expectation waits; null for as long as the parent lives
   * @param limits what is limited for it alone
   * @param options options of the protocol, by name
   */
  public HelperEntry(
      int id,
      String name,
      Transport transport,
      int port,
      boolean enabled,
      @Nullable Duration timeout,
      EntryLimits limits,
      Map<String, Object> options) {
    this(id, name, transport, port, enabled, Mode.ENFORCE, timeout, limits, options);
  }

  /**
   * Whether nothing is opened for it.
   *
   * @return true in {@link Mode#OBSERVE}
   */
  public boolean isObserved() {
    return mode == Mode.OBSERVE;
  }

  /**
   * The same entry in another mode.
   *
   * @param newMode which
   * @return a copy
   */
  public HelperEntry withMode(Mode newMode) {
    return new HelperEntry(id, name, transport, port, enabled, newMode, timeout, limits, options);
  }

  /**
   * The same entry, with the limits of its protocol where it has none.
   *
   * @param ofProtocol what its protocol says
   * @return a copy
   */
  public HelperEntry withLimitsOf(EntryLimits ofProtocol) {
    return new HelperEntry(
        id, name, transport, port, enabled, mode, timeout, limits.or(ofProtocol), options);
  }

  /**
   * The same entry, switched on or off.
   *
   * @param value whether it is to be enabled
   * @return a copy
   */
  public HelperEntry withEnabled(boolean value) {
    return new HelperEntry(id, name, transport, port, value, mode, timeout, limits, options);
  }
}
