package org.pinholed.kernel.conntrack;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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
import org.pinholed.kernel.netlink.Ranges;

/**
 * Asks for and changes entries of the kernel's conntrack table ({@code ctnetlink}).
 *
 * <p>Not thread-safe, one per thread; whoever opened it closes it. A flow whose first packet is
 * still held in a queue is not in the table yet: it is not found.
 */
public final class ConntrackClient implements Conntrack, AutoCloseable {
  private static final int REQUEST = NetlinkConstants.NLM_F_REQUEST;
  private static final int REQUEST_ACK = REQUEST | NetlinkConstants.NLM_F_ACK;

  /** The answers of so many find room in the smallest receive buffer. */
  public static final int MOST_TUPLES = 64;

  private static final int MOST_SECONDS = Integer.MAX_VALUE / 1000;

  private final NetlinkChannel channel;
  private final ConntrackView view = new ConntrackView();

  private ConntrackClient(NetlinkTransport transport) {
    channel = new NetlinkChannel(transport);
  }

  /**
   * Opens a client in the network namespace of the calling thread.
   *
   * @return an open client
   * @throws NetlinkException if the kernel refuses the socket
   */
  public static ConntrackClient open() throws NetlinkException {
    return open(NetlinkSocket.open(NetlinkSocketOptions.forRequests()));
  }

  /**
   * Makes a client over a transport that exists.
   *
   * @param transport owned by the client from now on
   * @return an open client
   */
  public static ConntrackClient open(NetlinkTransport transport) {
    return new ConntrackClient(transport);
  }

  @Override
  public Optional<ConntrackEntry> get(FlowTuple eitherDirection) throws NetlinkException {
    begin(ConntrackMessages.GET, REQUEST, eitherDirection);
    channel.writer().endMessage();
    List<ConntrackEntry> found = new ArrayList<>(1);
    channel.get(
        "conntrack: get",
        message -> {
          if (message.type() == ConntrackMessages.NEW) {
            read(message).ifPresent(found::add);
          }
        });
    return found.stream().findFirst();
  }

  @Override
  public List<ConntrackEntry> getEach(List<FlowTuple> eitherDirection) throws NetlinkException {
    Ranges.require("tuples", eitherDirection.size(), 1, MOST_TUPLES);
    channel.writer().reset();
    for (FlowTuple tuple : eitherDirection) {
      write(ConntrackMessages.GET, REQUEST, tuple);
      channel.writer().endMessage();
    }
    List<ConntrackEntry> found = new ArrayList<>(1);
    channel.getEach(
        "conntrack: get each",
        message -> {
          if (message.type() == ConntrackMessages.NEW) {
            read(message).ifPresent(found::add);
          }
        });
    return found;
  }

  @Override
  public Optional<ConntrackEntry> get(ConntrackIdentity identity) throws NetlinkException {
    return get(identity.original()).filter(found -> found.identity().equals(identity));
  }

  @Override
  public boolean delete(FlowTuple original, int id) throws NetlinkException {
    begin(ConntrackMessages.DELETE, REQUEST_ACK, original);
    channel.writer().attr32be(ConntrackMessages.CTA_ID, id).endMessage();
    return requestOfExisting("conntrack: delete");
  }

  @Override
  public boolean delete(ConntrackIdentity identity) throws NetlinkException {
    // the kernel compares one tuple and the id, which another connection may have in common
    return get(identity).isPresent() && delete(identity.original(), identity.id());
  }

  @Override
  public boolean setTimeout(ConntrackIdentity identity, int seconds) throws NetlinkException {
    Ranges.require("seconds", seconds, 1, MOST_SECONDS);
    if (get(identity).isEmpty()) {
      return false;
    }
    begin(ConntrackMessages.NEW, REQUEST_ACK, identity.original());
    channel.writer().attr32be(ConntrackMessages.CTA_TIMEOUT, seconds).endMessage();
    return requestOfExisting("conntrack: set timeout");
  }

  @Override
  public boolean setMark(FlowTuple original, int mark, int mask) throws NetlinkException {
    begin(ConntrackMessages.NEW, REQUEST_ACK, original);
    // The kernel clears the mask's bits and then flips those of the mark (ctnetlink_change_mark),
    // so a bit outside of the mask would be flipped, not ignored.
    channel
        .writer()
        .attr32be(ConntrackMessages.CTA_MARK, mark & mask)
        .attr32be(ConntrackMessages.CTA_MARK_MASK, mask)
        .endMessage();
    return requestOfExisting("conntrack: set mark");
  }

  @Override
  public Optional<SequenceAdjustments> sequenceAdjustments(FlowTuple original, int id)
      throws NetlinkException {
    Optional<ConntrackEntry> entry = get(original);
    return entry.isEmpty() || entry.get().id() != id
        ? Optional.empty()
        : Optional.ofNullable(adjustments());
  }

  /** Of the entry that was read last. */
  private @Nullable SequenceAdjustments adjustments() {
    SequenceAdjustment first = view.adjustment(false);
    SequenceAdjustment second = view.adjustment(true);
    if (first == null && second == null) {
      return null;
    }
    return new SequenceAdjustments(
        first == null ? SequenceAdjustment.NONE : first,
        second == null ? SequenceAdjustment.NONE : second);
  }

  /**
   * The adjustments of both directions.
   *
   * @param original of what the client sends
   * @param reply of what the server sends
   */
  public record SequenceAdjustments(SequenceAdjustment original, SequenceAdjustment reply) {}

  @Override
  public boolean setSequenceAdjustment(
      FlowTuple original, boolean ofReply, SequenceAdjustment adjustment, boolean exempt)
      throws NetlinkException {
    begin(ConntrackMessages.NEW, REQUEST_ACK, original);
    channel
        .writer()
        .beginNested(
            ofReply ? ConntrackMessages.CTA_SEQ_ADJ_REPLY : ConntrackMessages.CTA_SEQ_ADJ_ORIG)
        .attr32be(ConntrackMessages.CTA_SEQADJ_CORRECTION_POS, adjustment.position())
        .attr32be(ConntrackMessages.CTA_SEQADJ_OFFSET_BEFORE, adjustment.offsetBefore())
        .attr32be(ConntrackMessages.CTA_SEQADJ_OFFSET_AFTER, adjustment.offsetAfter())
        .endNested();
    if (exempt || adjustment.misleadsWindowCheck()) {
      exemptFromWindowCheck();
    }
    channel.writer().endMessage();
    return requestOfExisting("conntrack: set sequence adjustment");
  }

  private void exemptFromWindowCheck() {
    // struct nf_ct_tcp_flags: the flags, and which of them are set
    byte[] liberal = {
      ConntrackMessages.IP_CT_TCP_FLAG_BE_LIBERAL, ConntrackMessages.IP_CT_TCP_FLAG_BE_LIBERAL
    };
    channel
        .writer()
        .beginNested(ConntrackMessages.CTA_PROTOINFO)
        .beginNested(ConntrackMessages.CTA_PROTOINFO_TCP)
        .attrBytes(ConntrackMessages.CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, liberal)
        .attrBytes(ConntrackMessages.CTA_PROTOINFO_TCP_FLAGS_REPLY, liberal)
        .endNested()
        .endNested();
  }

  @Override
  public boolean removeHelper(FlowTuple original) throws NetlinkException {
    begin(ConntrackMessages.NEW, REQUEST_ACK, original);
    helper("").endMessage();
    return requestOfExisting("conntrack: remove helper");
  }

  private NetlinkWriter helper(String name) {
    return channel
        .writer()
        .beginNested(ConntrackMessages.CTA_HELP)
        .attrString(ConntrackMessages.CTA_HELP_NAME, name)
        .endNested();
  }

  /**
   * Makes a connection that nobody has begun, to find out what the kernel allows with it.
   *
   * @param original its original tuple; not translated
   * @param helperName its helper
   * @param seconds how long it stays at most, 1..2147483
   * @throws NetlinkException {@link Errno#EEXIST} if there is one, {@link Errno#EOPNOTSUPP} if
   *     there is no such helper
   */
  public void make(FlowTuple original, String helperName, int seconds) throws NetlinkException {
    Ranges.require("seconds", seconds, 1, MOST_SECONDS);
    begin(
        ConntrackMessages.NEW,
        REQUEST_ACK | NetlinkConstants.NLM_F_CREATE | NetlinkConstants.NLM_F_EXCL,
        original);
    ConntrackMessages.tuple(
        channel.writer(), ConntrackMessages.CTA_TUPLE_REPLY, original.inverse());
    channel.writer().attr32be(ConntrackMessages.CTA_TIMEOUT, seconds);
    helper(helperName).endMessage();
    channel.request("conntrack: make");
  }

  @Override
  public void dump(DumpFilter filter, Consumer<ConntrackEntry> each) throws NetlinkException {
    dump(filter, (entry, adjustments) -> each.accept(entry));
  }

  /** Takes the connections of a dump. */
  @FunctionalInterface
  public interface Each {
    /**
     * One connection.
     *
     * @param entry the connection
     * @param adjustments how the kernel shifts its sequence numbers; null if it never did, or
     *     cannot
     */
    void accept(ConntrackEntry entry, @Nullable SequenceAdjustments adjustments);
  }

  /**
   * As {@link #dump(DumpFilter, Consumer)}, with the sequence adjustments.
   *
   * @param filter which connections
   * @param each called for each of them; must not use this client
   * @throws NetlinkException if the kernel refuses, or entries were lost
   */
  public void dump(DumpFilter filter, Each each) throws NetlinkException {
    ConntrackMessages.begin(
        channel.writer(),
        ConntrackMessages.GET,
        REQUEST | NetlinkConstants.NLM_F_DUMP,
        channel.nextSequence(),
        filter.family());
    if (filter.mask() != 0) {
      channel
          .writer()
          .attr32be(ConntrackMessages.CTA_MARK, filter.mark() & filter.mask())
          .attr32be(ConntrackMessages.CTA_MARK_MASK, filter.mask());
    }
    channel.writer().endMessage();
    channel.dump(
        "conntrack: dump",
        message -> {
          if (message.type() == ConntrackMessages.NEW) {
            // Asked again here: a kernel that does not know a filter ignores it silently.
            read(message)
                .filter(entry -> ((entry.mark() ^ filter.mark()) & filter.mask()) == 0)
                .ifPresent(entry -> each.accept(entry, adjustments()));
          }
        });
  }

  @Override
  public void close() {
    channel.close();
  }

  private void begin(int type, int flags, FlowTuple tuple) {
    channel.writer().reset();
    write(type, flags, tuple);
  }

  private void write(int type, int flags, FlowTuple tuple) {
    ConntrackMessages.begin(
        channel.writer(), type, flags, channel.nextSequence(), ConntrackMessages.family(tuple));
    ConntrackMessages.tuple(channel.writer(), ConntrackMessages.CTA_TUPLE_ORIG, tuple);
  }

  private boolean requestOfExisting(String operation) throws NetlinkException {
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

  private Optional<ConntrackEntry> read(NetlinkReader message) {
    message.enterNfnetlink();
    return view.read(message);
  }
}
