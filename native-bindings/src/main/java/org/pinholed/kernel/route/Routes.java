package org.pinholed.kernel.route;

import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * Which way packets take: by the kernel's routing tables ({@link RouteClient}), or by none where
 * packets are replayed. Not thread-safe, one per thread.
 */
public interface Routes {
  /**
   * Whether a packet may leave by a device: by any next hop of the route that it takes. A device
   * that is enslaved, as to a VRF, counts for its master too, since packets come in by the master.
   *
   * @param question the packet
   * @param interfaceIndex the device
   * @return false also if there is no way, or it ends on this machine
   * @throws NetlinkException if the kernel does not answer
   */
  boolean leadsTo(RouteQuestion question, int interfaceIndex) throws NetlinkException;

  /**
   * Looks up a network device ({@code RTM_GETLINK}).
   *
   * @param index its index
   * @return null if there is none
   * @throws NetlinkException if the kernel does not answer
   */
  @Nullable NetworkDevice device(int index) throws NetlinkException;
}
