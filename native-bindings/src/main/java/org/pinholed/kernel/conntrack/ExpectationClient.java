package org.pinholed.kernel.conntrack;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkChannel;
import org.pinholed.kernel.netlink.NetlinkConstants;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.netlink.NetlinkSocket;
import org.pinholed.kernel.netlink.NetlinkSocketOptions;
import org.pinholed.kernel.netlink.NetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkWriter;

/**
 * Makes, lists and removes the kernel's expectations ({@code ctnetlink}, subsystem 2 of {@code
 * linux/netfilter/nfnetlink.h}).
 *
 * <p>Not thread-safe, one per thread; whoever opened it closes it.
 */
public final class ExpectationClient implements AutoCloseable {
  private static final int NEW = NetlinkConstants.NFNL_SUBSYS_CTNETLINK_EXP << 8;
  private static final int GET = NEW | 1;
  private static final int DELETE = NEW | 2;

  /** {@code IPCTNL_MSG_EXP_GET_STATS_CPU}. */
  private static final int GET_STATISTICS = NEW | 3;

  // enum ctattr_expect_stats
  private static final int CTA_STATS_EXP_CREATE = 2;
  private static final int CTA_STATS_EXP_DELETE = 3;

  // enum ctattr_expect
  private static final int CTA_EXPECT_MASTER = 1;
  private static final int CTA_EXPECT_TUPLE = 2;
  private static final int CTA_EXPECT_MASK = 3;
  private static final int CTA_EXPECT_TIMEOUT = 4;
  private static final int CTA_EXPECT_HELP_NAME = 6;
  private static final int CTA_EXPECT_FLAGS = 8;

  /** {@code NF_CT_EXPECT_PERMANENT}. */
  private static final int PERMANENT = 1;

  private static final int ALL_PORTS = 0xffff;
  private static final InetAddress NONE_4 = address(4, 0);
  private static final InetAddress NONE_6 = address(16, 0);
  private static final InetAddress ALL_4 = address(4, 0xff);
  private static final InetAddress ALL_6 = address(16, 0xff);

  private final NetlinkChannel channel;
  private final ConntrackView tuples = new ConntrackView();

  private ExpectationClient(NetlinkTransport transport) {
    channel = new NetlinkChannel(transport);
  }

  /**
   * Opens a client in the network namespace of the calling thread.
   *
   * @return an open client
   * @throws NetlinkException if the kernel refuses the socket
   */
  public static ExpectationClient open() throws NetlinkException {
    return open(NetlinkSocket.open(NetlinkSocketOptions.forRequests()));
  }

  /**
   * Makes a client over a transport that exists.
   *
   * @param transport owned by the client from now on
   * @return an open client
   */
  public static ExpectationClient open(NetlinkTransport transport) {
    return new ExpectationClient(transport);
  }

  /**
   * Has the kernel expect a connection. If the same is expected already, that is replaced, whoever
   * it belongs to.
   *
   * <p>If the parent has as many as its helper's policy allows, the kernel takes the oldest of them
   * away ({@code evict_oldest_expect}) and says nothing; {@link #countOf} tells how many it has.
   *
   * <p>The time that comes with a new expectation is ignored by the kernel, which takes that of the
   * helper's policy. So it is told a second time: not in the same datagram, since the kernel would
   * do that also where it refused the first, and give another expectation that time.
   *
   * @param parent original tuple of the connection that it belongs to, and ends with
   * @param expectation what to expect
   * @throws NetlinkException {@link Errno#EOPNOTSUPP} if the parent has no helper; {@link
   *     Errno#ENOENT} if there is no such parent, or its first packet has not passed yet; {@link
   *     Errno#EMFILE} if the kernel's table is full; {@link Errno#EBUSY} or {@link Errno#EEXIST} if
   *     another expectation is in its way, such as one that any source may come by
   */
  public void expect(FlowTuple parent, ConntrackExpectation expectation) throws NetlinkException {
    try {
      make(parent, expectation);
    } catch (NetlinkException e) {
      if (e.errno() != Errno.EEXIST) {
        throw e;
      }
      remove(expectation);
      make(parent, expectation);
    }
  }

  /**
   * Gives a connection that is expected all of its time again.
   *
   * @param parent as for {@link #expect}
   * @param expectation what is expected
   * @return false if it is not expected any more
   * @throws NetlinkException if the kernel refuses
   */
  public boolean prolong(FlowTuple parent, ConntrackExpectation expectation)
      throws NetlinkException {
    return stands(expectation) && setTime(parent, expectation);
  }

  private void make(FlowTuple parent, ConntrackExpectation expectation) throws NetlinkException {
    write(NetlinkConstants.NLM_F_CREATE | NetlinkConstants.NLM_F_EXCL, parent, expectation);
    channel.request("conntrack: expect");
    setTime(parent, expectation);
  }

  private boolean setTime(FlowTuple parent, ConntrackExpectation expectation)
      throws NetlinkException {
    write(0, parent, expectation);
    return requestOfWhatIsThere("conntrack: expect for a time");
  }

  /** False if it is not there, as when its connection has come. */
  private boolean requestOfWhatIsThere(String operation) throws NetlinkException {
    try {
      channel.request(operation);
      return true;
    } catch (NetlinkException e) {
      if (e.errno() == Errno.ENOENT) {
        return false;
      }
      throw e;
    }
  }

  private void write(int flags, FlowTuple parent, ConntrackExpectation expectation) {
    NetlinkWriter writer =
        begin(NEW, NetlinkConstants.NLM_F_ACK | flags, ConntrackMessages.family(parent));
    ConntrackMessages.tuple(writer, CTA_EXPECT_MASTER, parent);
    ConntrackMessages.tuple(writer, CTA_EXPECT_TUPLE, child(expectation));
    ConntrackMessages.tuple(writer, CTA_EXPECT_MASK, mask(expectation));
    writer.attr32be(CTA_EXPECT_TIMEOUT, expectation.timeoutSeconds());
    writer.attr32be(CTA_EXPECT_FLAGS, expectation.permanent() ? PERMANENT : 0);
    writer.endMessage();
  }

  /** Which bits of {@link #child} count. */
  private static FlowTuple mask(ConntrackExpectation expectation) {
    boolean six = expectation.destination().getAddress().length == 16;
    InetAddress all = six ? ALL_6 : ALL_4;
    InetAddress none = six ? NONE_6 : NONE_4;
    return new FlowTuple(
        expectation.protocol(), expectation.source() == null ? none : all, 0, all, ALL_PORTS);
  }

  private static FlowTuple child(ConntrackExpectation expectation) {
    InetAddress source = expectation.source();
    InetAddress destination = expectation.destination();
    boolean six = destination.getAddress().length == 16;
    return new FlowTuple(
        expectation.protocol(),
        source == null ? (six ? NONE_6 : NONE_4) : source,
        0,
        destination,
        expectation.destinationPort());
  }

  /**
   * Whether the same is expected. The kernel answers a narrow question with a wide expectation,
   * too: then it is another one.
   */
  private boolean stands(ConntrackExpectation expectation) throws NetlinkException {
    FlowTuple child = child(expectation);
    FlowTuple mask = mask(expectation);
    writeTuple(GET, 0, child);
    boolean[] same = new boolean[1];
    channel.get(
        "conntrack: look for what is expected",
        message -> {
          ExpectationEntry found = read(message);
          same[0] =
              found != null
                  && found.child().equals(child)
                  && found.mask().source().equals(mask.source());
        });
    return same[0];
  }

  private void writeTuple(int type, int flags, FlowTuple child) {
    NetlinkWriter writer = begin(type, flags, ConntrackMessages.family(child));
    ConntrackMessages.tuple(writer, CTA_EXPECT_TUPLE, child);
    writer.endMessage();
  }

  private NetlinkWriter begin(int type, int flags, int family) {
    NetlinkWriter writer = channel.writer();
    writer.reset();
    ConntrackMessages.begin(
        writer, type, NetlinkConstants.NLM_F_REQUEST | flags, channel.nextSequence(), family);
    return writer;
  }

  /**
   * Has the kernel expect a connection no longer.
   *
   * @param expectation what was expected; its time does not matter
   * @return false if it is not expected
   * @throws NetlinkException if the kernel refuses
   */
  public boolean remove(ConntrackExpectation expectation) throws NetlinkException {
    if (!stands(expectation)) {
      return false;
    }
    writeTuple(DELETE, NetlinkConstants.NLM_F_ACK, child(expectation));
    return requestOfWhatIsThere("conntrack: expect no longer");
  }

  /**
   * Removes all expectations that belong to a helper, of all connections.
   *
   * @param helperName its name, not empty: without one the kernel would remove all there are
   * @throws NetlinkException if the kernel refuses
   */
  public void removeAllOf(String helperName) throws NetlinkException {
    if (helperName.isEmpty()) {
      throw new IllegalArgumentException("helperName: empty");
    }
    begin(DELETE, NetlinkConstants.NLM_F_ACK, 0)
        .attrString(CTA_EXPECT_HELP_NAME, helperName)
        .endMessage();
    channel.request("conntrack: expect nothing of a helper");
  }

  /**
   * Lists what the kernel expects, of all connections and helpers.
   *
   * @param each called for each expectation; must not use this client
   * @return false if expectations changed in between, so that some may be missing
   * @throws NetlinkException if the kernel refuses, or entries were lost
   */
  public boolean dump(Consumer<ExpectationEntry> each) throws NetlinkException {
    begin(GET, NetlinkConstants.NLM_F_DUMP, 0).endMessage();
    return channel.dump(
        "conntrack: dump expectations",
        message -> {
          if (message.type() == NEW) {
            ExpectationEntry entry = read(message);
            if (entry != null) {
              each.accept(entry);
            }
          }
        });
  }

  /**
   * How many expectations a connection has.
   *
   * @param parent its original tuple; it must have a helper, or have had one: the kernel gives no
   *     answer for others
   * @return 0 or more
   * @throws NetlinkException if there is no such connection, or the kernel refuses
   */
  public int countOf(FlowTuple parent) throws NetlinkException {
    NetlinkWriter writer =
        begin(GET, NetlinkConstants.NLM_F_DUMP, ConntrackMessages.family(parent));
    ConntrackMessages.tuple(writer, CTA_EXPECT_MASTER, parent);
    writer.endMessage();
    int[] count = new int[1];
    channel.dump(
        "conntrack: expectations of a connection",
        message -> count[0] += message.type() == NEW ? 1 : 0);
    return count[0];
  }

  /**
   * How many expectations there are, those included that are over and not collected yet. They count
   * towards {@code net.netfilter.nf_conntrack_expect_max}, and a listing does not show them.
   *
   * @return what was made less what was removed in this network namespace
   * @throws NetlinkException if the kernel refuses
   */
  public int count() throws NetlinkException {
    begin(GET_STATISTICS, NetlinkConstants.NLM_F_DUMP, 0).endMessage();
    int[] count = new int[1]; // counters of 32 bits, so their difference is right if they wrap
    channel.dump(
        "conntrack: statistics of expectations",
        message -> {
          message.enterNfnetlink(); // a message for each processor
          while (message.nextAttribute()) {
            switch (message.attributeType()) {
              case CTA_STATS_EXP_CREATE -> count[0] += message.s32be();
              case CTA_STATS_EXP_DELETE -> count[0] -= message.s32be();
              default -> {}
            }
          }
        });
    return count[0];
  }

  private @Nullable ExpectationEntry read(NetlinkReader message) {
    FlowTuple parent = null;
    FlowTuple child = null;
    FlowTuple mask = null;
    long timeoutSeconds = 0;
    int flags = 0;
    String helperName = "";
    message.enterNfnetlink();
    while (message.nextAttribute()) {
      switch (message.attributeType()) {
        case CTA_EXPECT_MASTER -> parent = tuples.tuple(message);
        case CTA_EXPECT_TUPLE -> child = tuples.tuple(message);
        case CTA_EXPECT_MASK -> mask = tuples.tuple(message);
        case CTA_EXPECT_TIMEOUT -> timeoutSeconds = message.u32be();
        case CTA_EXPECT_FLAGS -> flags = message.s32be();
        case CTA_EXPECT_HELP_NAME -> helperName = message.string();
        default -> {}
      }
    }
    if (!message.ok() || parent == null || child == null || mask == null) {
      return null;
    }
    // A signed number: one that is over and not collected yet has less than 0.
    long left = (int) timeoutSeconds < 0 ? 0 : timeoutSeconds;
    return new ExpectationEntry(parent, child, mask, left, (flags & PERMANENT) != 0, helperName);
  }

  @Override
  public void close() {
    channel.close();
  }

  private static InetAddress address(int lengthBytes, int value) {
    byte[] bytes = new byte[lengthBytes];
    Arrays.fill(bytes, (byte) value);
    try {
      return InetAddress.getByAddress(bytes);
    } catch (UnknownHostException e) {
      throw new AssertionError("4 or 16 bytes are an address", e);
    }
  }
}
