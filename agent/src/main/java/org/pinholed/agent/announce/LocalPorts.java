package org.pinholed.agent.announce;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.Transport;
import org.pinholed.helper.text.PortSet;
import org.pinholed.kernel.socket.ListeningSocket;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The ports that a pinhole must not take away from this machine: those on which something listens
 * here, and those that its operator reserved ({@code net.ipv4.ip_local_reserved_ports}, for example
 * for port forwardings). A phone that announces one of them gets another one outside.
 *
 * <p>The kernel is asked at most once in {@value #REMEMBERED_S} s, and only where something is
 * announced on a translated flow. If it does not answer, no port counts as taken. Owned by one
 * worker.
 */
public final class LocalPorts {
  static final int REMEMBERED_S = 1;

  private static final Logger LOG = LoggerFactory.getLogger(LocalPorts.class);
  private static final String RESERVED = "ip_local_reserved_ports";
  private static final PortSet NONE = PortSet.of(RESERVED, List.of());
  private static final InetAddress WILDCARD = new InetSocketAddress(0).getAddress();

  private final Kernel kernel;
  private final Clock clock;
  private final SampledLog errors = new SampledLog(LOG, "ports of this machine not found out");

  private final Map<Address, BitSet> listening = new HashMap<>();
  private PortSet reserved = NONE;
  private boolean known;
  private long sinceNs;

  private record Address(int protocol, InetAddress address) {}

  /** What the kernel knows of them. */
  public interface Kernel {
    /**
     * Lists the sockets of this machine that take packets from anybody.
     *
     * @param each called for each of them
     * @throws IOException if the kernel does not answer
     */
    void listening(Consumer<ListeningSocket> each) throws IOException;

    /**
     * Reads which ports are reserved.
     *
     * @return numbers and ranges with commas between, such as {@code 7000,8000-8010}; or nothing
     * @throws IOException if they cannot be read
     */
    String reserved() throws IOException;
  }

  /**
   * Knows none yet.
   *
   * @param kernel the worker's own way to the sockets of this machine
   * @param clock says how long ago it was asked
   */
  public LocalPorts(Kernel kernel, Clock clock) {
    this.kernel = kernel;
    this.clock = clock;
  }

  /**
   * Whether a port is this machine's own.
   *
   * @param transport of the port
   * @param address an address that others send to
   * @param port 1..65535
   * @return true if it is reserved, or something listens there or on all addresses
   */
  boolean contains(Transport transport, InetAddress address, int port) {
    long nowNs = clock.nanoTime();
    if (!known || nowNs - sinceNs >= REMEMBERED_S * 1_000_000_000L) {
      refresh();
      known = true;
      sinceNs = nowNs;
    }
    return reserved.contains(port)
        || listensOn(new Address(transport.protocolNumber(), address), port)
        || listensOn(new Address(transport.protocolNumber(), WILDCARD), port);
  }

  private boolean listensOn(Address address, int port) {
    BitSet ports = listening.get(address);
    return ports != null && ports.get(port);
  }

  private void refresh() {
    listening.clear();
    reserved = NONE;
    try {
      kernel.listening(this::add);
      String text = kernel.reserved().strip();
      reserved = text.isEmpty() ? NONE : PortSet.of(RESERVED, List.of(text.split(",", -1)));
    } catch (IOException | IllegalArgumentException e) {
      errors.warn(String.valueOf(e.getMessage()));
    }
  }

  /** Of both families the wildcard counts for both: mostly it is so, and there are other ports. */
  private void add(ListeningSocket socket) {
    InetAddress address = socket.address().isAnyLocalAddress() ? WILDCARD : socket.address();
    listening
        .computeIfAbsent(new Address(socket.protocol(), address), same -> new BitSet())
        .set(socket.port());
  }
}
