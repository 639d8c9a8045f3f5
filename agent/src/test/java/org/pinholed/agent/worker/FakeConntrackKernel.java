package org.pinholed.agent.worker;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.conntrack.SequenceAdjustment;
import org.pinholed.kernel.netlink.DatagramBatch;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.FakeDatagrams;
import org.pinholed.kernel.netlink.NetlinkConstants;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.netlink.NetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkWriter;

/**
 * The kernel's conntrack table behind ctnetlink: look up by either tuple, dump by mark, change the
 * mark, delete. Thread-safe.
 */
public final class FakeConntrackKernel implements NetlinkTransport {
  /** {@code TCP_CONNTRACK_SYN_RECV}. */
  public static final int SYN_RECV = 2;

  /** {@code TCP_CONNTRACK_ESTABLISHED}. */
  public static final int ESTABLISHED = 3;

  /** {@code CTA_SEQ_ADJ_ORIG}; that of the reply direction is the next. */
  private static final int SEQUENCE_ADJUSTMENT = 15;

  /** {@code TCP_CONNTRACK_FIN_WAIT}. */
  public static final int FIN_WAIT = 4;

  /** {@code TCP_CONNTRACK_CLOSE_WAIT}. */
  public static final int CLOSE_WAIT = 5;

  /** {@code IP_CT_TCP_FLAG_CLOSE_INIT}. */
  private static final int CLOSE_INIT = 4;

  /** {@code TCP_CONNTRACK_LAST_ACK}. */
  public static final int LAST_ACK = 6;

  /** {@code TCP_CONNTRACK_TIME_WAIT}. */
  public static final int TIME_WAIT = 7;

  private static final int NEW = NetlinkConstants.NFNL_SUBSYS_CTNETLINK << 8;
  private static final int GET = NEW | 1;
  private static final int DELETE = NEW | 2;

  private final ConcurrentLinkedQueue<byte[]> arrived = new ConcurrentLinkedQueue<>();
  private final Map<FlowTuple, Connection> connections = new LinkedHashMap<>();
  private final Map<FlowTuple, Connection> byReply = new HashMap<>();
  private int failWith;
  private int gets;
  private int changes;

  /** One connection of the table. */
  public static final class Connection {
    private final FlowTuple original;
    private final FlowTuple reply;
    private final int id;
    private volatile int mark;
    private volatile int tcpState;
    private volatile @Nullable Boolean closedByReply;
    private volatile String helper = "";
    private volatile boolean adjustable;
    private volatile int zone;
    private volatile int status = 8; // IPS_CONFIRMED
    private volatile int timeoutSeconds = 60;
    private final SequenceAdjustment[] adjustments = new SequenceAdjustment[2];

    /**
     * Makes a connection.
     *
     * @param id conntrack id
     * @param original original tuple
     * @param reply reply tuple
     * @param mark mark
     * @param tcpState TCP state
     */
    public Connection(int id, FlowTuple original, FlowTuple reply, int mark, int tcpState) {
      this.id = id;
      this.original = original;
      this.reply = reply;
      this.mark = mark;
      this.tcpState = tcpState;
    }

    /**
     * Its id.
     *
     * @return any number
     */
    public int id() {
      return id;
    }

    /**
     * What tells it from others.
     *
     * @return its id, tuples and zone
     */
    public ConntrackIdentity identity() {
      return new ConntrackIdentity(id, original, reply, zone);
    }

    /**
     * Its mark.
     *
     * @return all bits
     */
    public int mark() {
      return mark;
    }

    /**
     * Changes the mark.
     *
     * @param value all bits
     */
    public void setMark(int value) {
      mark = value;
    }

    /**
     * Changes the state.
     *
     * @param value {@code enum tcp_conntrack}
     */
    public void setTcpState(int value) {
      tcpState = value;
    }

    /**
     * One side sent the first FIN.
     *
     * @param byReply false for the client, true for the server
     * @param state {@code enum tcp_conntrack}
     */
    public void close(boolean byReply, int state) {
      closedByReply = byReply;
      tcpState = state;
    }

    /**
     * Assigns a kernel helper.
     *
     * @param value its name
     */
    public void setHelper(String value) {
      helper = value;
    }

    /**
     * Puts it into a zone. Requests still find it, as one without a zone.
     *
     * @param value 0 for none
     */
    public void setZone(int value) {
      zone = value;
    }

    /**
     * Says more of it.
     *
     * @param bits {@code IPS_*}, added to what is there
     */
    public void addStatus(int bits) {
      status |= bits;
    }

    /**
     * How long it is kept if no packet comes.
     *
     * @return in seconds, 60 if nobody changed it
     */
    public int timeoutSeconds() {
      return timeoutSeconds;
    }

    /**
     * As if it had been idle for a while.
     *
     * @param seconds what is left of its time
     */
    public void setTimeoutSeconds(int seconds) {
      timeoutSeconds = seconds;
    }

    /** Gives it the extension for sequence numbers; without it what is set is ignored. */
    public void makeAdjustable() {
      adjustable = true;
    }

    /**
     * Shifts sequence numbers of a direction for somebody else, as synproxy does.
     *
     * @param ofReply false for what the client sends, true for what the server sends
     * @param offset what is added to all of them
     */
    public void shift(boolean ofReply, int offset) {
      adjustable = true;
      adjustments[ofReply ? 1 : 0] = new SequenceAdjustment(0, offset, offset);
    }

    /**
     * As an earlier agent left it.
     *
     * @param ofReply false for what the client sends, true for what the server sends
     * @param adjustment how sequence numbers of the direction are shifted
     */
    public void setAdjustment(boolean ofReply, SequenceAdjustment adjustment) {
      adjustable = true;
      adjustments[ofReply ? 1 : 0] = adjustment;
    }

    /**
     * How sequence numbers of a direction are shifted.
     *
     * @param ofReply false for what the client sends, true for what the server sends
     * @return what was set last
     */
    public SequenceAdjustment adjustment(boolean ofReply) {
      SequenceAdjustment set = adjustments[ofReply ? 1 : 0];
      return set == null ? SequenceAdjustment.NONE : set;
    }

    /**
     * The connection as a message of ctnetlink.
     *
     * @param type 0 new, 2 destroy
     * @param flags of the message
     * @param sequence of the message
     * @return the datagram
     */
    public byte[] message(int type, int flags, int sequence) {
      return FakeDatagrams.datagram(writer -> write(writer, type, flags, sequence));
    }

    private void write(NetlinkWriter writer, int type, int flags, int sequence) {
      writer.beginNfnetlink(
          NetlinkConstants.NFNL_SUBSYS_CTNETLINK,
          type,
          flags,
          sequence,
          original.isIpv6() ? 10 : 2,
          0);
      tuple(writer, 1, original);
      tuple(writer, 2, reply);
      writer.attr32be(3, status).attr32be(8, mark).attr32be(12, id).attr32be(7, timeoutSeconds);
      if (zone != 0) {
        writer.attr16be(18, zone);
      }
      if (original.protocol() == 6) {
        writer.beginNested(4).beginNested(1).attr8(1, tcpState);
        Boolean byReply = closedByReply;
        for (int direction = 0; byReply != null && direction < 2; direction++) {
          int ends = byReply == (direction == 1) ? CLOSE_INIT : 0;
          writer.attrBytes(4 + direction, new byte[] {(byte) ends, (byte) ends});
        }
        writer.endNested().endNested();
      }
      if (!helper.isEmpty()) {
        writer.beginNested(5).attrString(1, helper).endNested();
      }
      for (int direction = 0; adjustable && direction < 2; direction++) {
        SequenceAdjustment adjustment = adjustment(direction == 1);
        writer
            .beginNested(SEQUENCE_ADJUSTMENT + direction)
            .attr32be(1, adjustment.position())
            .attr32be(2, adjustment.offsetBefore())
            .attr32be(3, adjustment.offsetAfter())
            .endNested();
      }
      writer.endMessage();
    }

    private static void tuple(NetlinkWriter writer, int attribute, FlowTuple tuple) {
      boolean six = tuple.isIpv6();
      writer.beginNested(attribute).beginNested(1);
      writer.attrBytes(six ? 3 : 1, tuple.source().getAddress());
      writer.attrBytes(six ? 4 : 2, tuple.destination().getAddress());
      writer.endNested().beginNested(2).attr8(1, tuple.protocol());
      writer.attr16be(2, tuple.sourcePort()).attr16be(3, tuple.destinationPort());
      writer.endNested().endNested();
    }
  }

  /**
   * Puts a connection into the table, in place of one with the same original tuple.
   *
   * @param connection the connection
   */
  public synchronized void add(Connection connection) {
    Connection older = connections.get(connection.original);
    if (older != null) {
      remove(older);
    }
    connections.put(connection.original, connection);
    byReply.put(connection.reply, connection);
  }

  /**
   * Takes a connection out of the table.
   *
   * @param connection the connection
   */
  public synchronized void remove(Connection connection) {
    connections.remove(connection.original, connection);
    byReply.remove(connection.reply, connection);
  }

  /**
   * Whether a connection is in the table.
   *
   * @param connection the connection
   * @return false once it was removed or deleted
   */
  public synchronized boolean has(Connection connection) {
    return connections.get(connection.original) == connection;
  }

  /**
   * Makes every request fail.
   *
   * @param errno positive, or 0 to answer again
   */
  public synchronized void failWith(int errno) {
    failWith = errno;
  }

  /**
   * How many look-ups there were.
   *
   * @return 0 or more
   */
  public synchronized int gets() {
    return gets;
  }

  /**
   * How many requests there were to change or delete a connection.
   *
   * @return 0 or more
   */
  public synchronized int changes() {
    return changes;
  }

  @Override
  public synchronized void send(NetlinkWriter writer) {
    NetlinkReader reader = new NetlinkReader();
    reader.wrap(writer.buffer(), 0, writer.lengthBytes());
    while (reader.nextMessage()) {
      answer(reader);
    }
  }

  private void answer(NetlinkReader reader) {
    int type = reader.type();
    int sequence = reader.sequence();
    boolean dump = (reader.flags() & NetlinkConstants.NLM_F_DUMP) == NetlinkConstants.NLM_F_DUMP;
    Request request = new Request(reader);
    if (failWith != 0) {
      arrived.add(FakeDatagrams.error(sequence, failWith));
    } else if (type == GET && dump) {
      for (Connection connection : connections.values()) {
        if ((connection.mark & request.mask) == (request.mark & request.mask)) {
          arrived.add(connection.message(0, NetlinkConstants.NLM_F_MULTI, sequence));
        }
      }
      arrived.add(
          FakeDatagrams.datagram(
              writer ->
                  writer
                      .beginMessage(
                          NetlinkConstants.NLMSG_DONE, NetlinkConstants.NLM_F_MULTI, sequence)
                      .raw32host(0)
                      .endMessage()));
    } else {
      answerOne(type, sequence, request);
    }
  }

  private void answerOne(int type, int sequence, Request request) {
    FlowTuple tuple = request.tuple;
    if (tuple == null) {
      arrived.add(FakeDatagrams.error(sequence, Errno.EINVAL));
      return;
    }
    Connection first = connections.get(tuple);
    Connection connection = first != null ? first : byReply.get(tuple);
    if (type == GET) {
      gets++;
    } else {
      changes++;
    }
    if (connection == null) {
      arrived.add(FakeDatagrams.error(sequence, Errno.ENOENT));
      return;
    }
    if (type == GET) {
      arrived.add(connection.message(0, 0, sequence));
      return;
    }
    if (type == DELETE) {
      if (request.id != connection.id) {
        arrived.add(FakeDatagrams.error(sequence, Errno.ENOENT));
        return;
      }
      remove(connection);
    } else {
      // As ctnetlink_change_mark does: a bit outside of the mask is flipped.
      connection.mark = (connection.mark & ~request.mask) ^ request.mark;
      if (request.timeoutSeconds != 0) {
        connection.timeoutSeconds = request.timeoutSeconds;
      }
      for (int direction = 0; connection.adjustable && direction < 2; direction++) {
        if (request.adjustments[direction] != null) {
          connection.adjustments[direction] = request.adjustments[direction];
        }
      }
    }
    arrived.add(FakeDatagrams.error(sequence, 0));
  }

  /** What a request says. */
  private static final class Request {
    private @Nullable FlowTuple tuple;
    private int mark;
    private int mask;
    private int id;
    private int timeoutSeconds;
    private final @Nullable SequenceAdjustment[] adjustments = new SequenceAdjustment[2];

    Request(NetlinkReader reader) {
      reader.enterNfnetlink();
      while (reader.nextAttribute()) {
        switch (reader.attributeType()) {
          case 1 -> tuple = readTuple(reader);
          case 7 -> timeoutSeconds = reader.s32be();
          case 8 -> mark = reader.s32be();
          case 21 -> mask = reader.s32be();
          case 12 -> id = reader.s32be();
          case SEQUENCE_ADJUSTMENT, SEQUENCE_ADJUSTMENT + 1 ->
              adjustments[reader.attributeType() - SEQUENCE_ADJUSTMENT] = readAdjustment(reader);
          default -> {}
        }
      }
    }

    private static SequenceAdjustment readAdjustment(NetlinkReader reader) {
      int[] numbers = new int[4];
      reader.enterNested();
      while (reader.nextAttribute()) {
        numbers[reader.attributeType()] = reader.s32be();
      }
      reader.leaveNested();
      return new SequenceAdjustment(numbers[1], numbers[2], numbers[3]);
    }

    private static FlowTuple readTuple(NetlinkReader reader) {
      byte[][] addresses = new byte[2][];
      int[] numbers = new int[4];
      reader.enterNested();
      while (reader.nextAttribute()) {
        boolean ip = reader.attributeType() == 1;
        reader.enterNested();
        while (reader.nextAttribute()) {
          if (ip) {
            addresses[(reader.attributeType() + 1) & 1] = reader.bytes();
          } else if (reader.attributeType() == 1) {
            numbers[1] = reader.u8();
          } else {
            numbers[reader.attributeType()] = reader.u16be();
          }
        }
        reader.leaveNested();
      }
      reader.leaveNested();
      try {
        return new FlowTuple(
            numbers[1],
            InetAddress.getByAddress(addresses[0]),
            numbers[2],
            InetAddress.getByAddress(addresses[1]),
            numbers[3]);
      } catch (UnknownHostException e) {
        throw new AssertionError("an address of 4 or 16 bytes", e);
      }
    }
  }

  @Override
  public int receive(ByteBuffer into) {
    return FakeDatagrams.receive(arrived, into);
  }

  @Override
  public int receiveNow(ByteBuffer into) {
    return FakeDatagrams.receive(arrived, into);
  }

  @Override
  public int receiveBatch(DatagramBatch batch) {
    return FakeDatagrams.fill(arrived, batch);
  }

  @Override
  public void close() {
    arrived.clear();
  }
}
