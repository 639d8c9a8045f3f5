package org.pinholed.agent.flow;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.time.Clock;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.route.NetworkDevice;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Names and sizes of network devices, by index. The kernel is asked once for each in {@value
 * #REMEMBERED_S} s: a device may be renamed, or its MTU changed, and nothing of that is urgent.
 * Asked when a flow begins, when a datagram is rewritten, and for texts; never for a packet of no
 * interest. Owned by one worker.
 */
public final class NetworkDevices {
  static final int REMEMBERED_S = 10;

  /** Devices that come and go have ever new numbers. */
  private static final int MOST = 4096;

  private static final Logger LOG = LoggerFactory.getLogger(NetworkDevices.class);

  private final Lookup lookup;
  private final Clock clock;
  private final SampledLog errors = new SampledLog(LOG, "network device not found out");
  private final Map<Integer, Known> known = new HashMap<>();

  /** Asks the kernel for a device. */
  @FunctionalInterface
  public interface Lookup {
    /**
     * Looks one up.
     *
     * @param index its index
     * @return null if there is none
     * @throws NetlinkException if the kernel does not answer
     */
    public @Nullable NetworkDevice device(int index) throws NetlinkException;
  }

  private record Known(@Nullable NetworkDevice device, long sinceNs) {}

  /**
   * Knows none yet.
   *
   * @param lookup the worker's own way to the kernel's devices
   * @param clock says how long ago they were asked for
   */
  public NetworkDevices(Lookup lookup, Clock clock) {
    this.lookup = lookup;
    this.clock = clock;
  }

  /**
   * The name of a device.
   *
   * @param index its index
   * @return empty if there is none with this index, as there is none for this machine itself
   */
  public String name(int index) {
    NetworkDevice device = device(index);
    return device == null ? "" : device.name();
  }

  /**
   * A device in a text.
   *
   * @param index its index
   * @return its name, or its index in words if it is gone
   */
  public String text(int index) {
    String name = name(index);
    return name.isEmpty() ? "device " + index : name;
  }

  /**
   * The longest packet that a device takes.
   *
   * @param index its index
   * @return bytes from the IP header on; 0 if that is not known
   */
  public int mtuBytes(int index) {
    NetworkDevice device = device(index);
    return device == null ? 0 : device.mtuBytes();
  }

  private @Nullable NetworkDevice device(int index) {
    if (index <= 0) {
      return null;
    }
    long nowNs = clock.nanoTime();
    Known before = known.get(index);
    if (before != null && nowNs - before.sinceNs() < REMEMBERED_S * 1_000_000_000L) {
      return before.device();
    }
    NetworkDevice device = null;
    try {
      device = lookup.device(index);
    } catch (NetlinkException e) {
      errors.warn(String.valueOf(e.getMessage()));
    }
    if (known.size() >= MOST) {
      known.clear();
    }
    known.put(index, new Known(device, nowNs));
    return device;
  }
}
