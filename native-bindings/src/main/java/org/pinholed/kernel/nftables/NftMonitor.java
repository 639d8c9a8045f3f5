package org.pinholed.kernel.nftables;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.EnumSet;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.netlink.NetlinkSocket;
import org.pinholed.kernel.netlink.NetlinkSocketOptions;
import org.pinholed.kernel.netlink.NetlinkTransport;

/**
 * Tells when somebody else changes one table, or takes rules out of others.
 *
 * <p>Elements that time out or that rules remove are not told (the kernel does not). Not
 * thread-safe, except {@link #ignore} and {@link #close}; whoever opened it closes it.
 */
public final class NftMonitor implements AutoCloseable {
  private static final int RECEIVE_BUFFER_BYTES = 1 << 20;
  private static final int DATAGRAM_BYTES = 128 * 1024;

  // A jump reaches 255 instructions, and the filter must fit twice into net.core.optmem_max.
  private static final int MAX_IGNORED = 128;

  private static final int NFT_MSG_NEWRULE = 6;
  private static final int NFT_MSG_DELRULE = 8;
  private static final int BPF_LD_W_ABS = 0x20;
  private static final int BPF_JEQ_K = 0x15;
  private static final int BPF_RET_K = 0x06;
  private static final int NLMSG_PID_OFFSET = 12;

  private final NetlinkTransport transport;
  private final @Nullable NetlinkSocket socket;
  private final NftTable table;
  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(DATAGRAM_BYTES).order(ByteOrder.nativeOrder());
  private final NetlinkReader reader = new NetlinkReader();
  private final EnumSet<NftChange.Part> parts = EnumSet.noneOf(NftChange.Part.class);
  private boolean tableRemoved;
  private int otherRulesRemoved;
  private int otherRulesAdded;
  private boolean otherChanged;

  /** Takes what the monitor saw, on the thread that calls {@link NftMonitor#receive}. */
  public interface Handler {
    /**
     * Called once for each transaction of others that touched the table.
     *
     * @param change what and who
     */
    void onChange(NftChange change);

    /**
     * Called once for each transaction that took rules out of other tables and put none in, as
     * {@code iptables -F} does. The old iptables, which is not one of nftables, is not noticed.
     *
     * @param rules how many
     * @param processName of the process that did it; empty if the kernel did not say
     * @param processId of that process; 0 if the kernel did not say
     */
    void onOtherRulesRemoved(int rules, String processName, int processId);

    /**
     * Called once for each transaction that changed rules, chains or tables other than the watched
     * one.
     *
     * @param processName of the process that did it; empty if the kernel did not say
     * @param processId of that process; 0 if the kernel did not say
     */
    void onOtherRulesChanged(String processName, int processId);

    /** Called when notifications were lost: the table may have been changed. */
    void onOverrun();
  }

  private NftMonitor(NetlinkSocket socket, NftTable table) {
    this.transport = socket;
    this.socket = socket;
    this.table = table;
  }

  // Over a transport that cannot filter, for tests.
  NftMonitor(NetlinkTransport transport, NftTable table) {
    this.transport = transport;
    this.socket = null;
    this.table = table;
  }

  /**
   * Starts listening in the network namespace of the calling thread.
   *
   * @param table the table to watch
   * @param receiveTimeout how long {@link #receive} waits
   * @return a monitor that sees all changes from now on
   * @throws NetlinkException if the kernel refuses
   */
  public static NftMonitor open(NftTable table, Duration receiveTimeout) throws NetlinkException {
    NetlinkSocket socket =
        NetlinkSocket.open(new NetlinkSocketOptions(RECEIVE_BUFFER_BYTES, 0, receiveTimeout, true));
    boolean joined = false;
    try {
      socket.joinGroup(Nft.NFNLGRP_NFTABLES);
      joined = true;
      return new NftMonitor(socket, table);
    } finally {
      if (!joined) {
        socket.close();
      }
    }
  }

  /**
   * Leaves out the changes of some sockets: the kernel does not even wake this thread for them.
   *
   * @param portIds {@link NftClient#portId} of the own clients; those behind the first 128 are told
   *     like the changes of others
   * @throws NetlinkException if the kernel refuses; then it goes on leaving out what it did before
   */
  public void ignore(int... portIds) throws NetlinkException {
    if (socket != null) {
      socket.attachFilter(filter(portIds));
    }
  }

  // One datagram holds notifications of one transaction only, so its first header decides.
  static long[] filter(int... portIds) {
    int count = Math.min(portIds.length, MAX_IGNORED);
    long[] program = new long[count + 3];
    program[0] = instruction(BPF_LD_W_ABS, 0, NLMSG_PID_OFFSET);
    for (int i = 0; i < count; i++) {
      // BPF loads words in network order; nlmsg_pid is in the order of the machine
      boolean little = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
      int word = little ? Integer.reverseBytes(portIds[i]) : portIds[i];
      program[i + 1] = instruction(BPF_JEQ_K, count - i, word);
    }
    program[count + 1] = instruction(BPF_RET_K, 0, -1);
    program[count + 2] = instruction(BPF_RET_K, 0, 0);
    return program;
  }

  private static long instruction(int code, int jumpIfTrue, int constant) {
    return (long) code << 48 | (long) jumpIfTrue << 40 | Integer.toUnsignedLong(constant);
  }

  /**
   * Waits for one datagram of notifications.
   *
   * @param handler called for what it says about the table
   * @throws NetlinkException if the socket fails
   */
  public void receive(Handler handler) throws NetlinkException {
    int lengthBytes;
    try {
      lengthBytes = transport.receive(buffer);
    } catch (NetlinkException e) {
      if (e.errno() == Errno.ENOBUFS || e.errno() == Errno.EMSGSIZE) {
        forgetTransaction();
        handler.onOverrun();
        return;
      }
      throw e;
    }
    reader.wrap(buffer, 0, lengthBytes);
    while (reader.nextMessage()) {
      if (reader.type() >> 8 != Nft.NFNL_SUBSYS_NFTABLES) {
        continue;
      }
      int message = reader.type() & 0xff;
      if (message == Nft.NFT_MSG_NEWGEN) {
        endTransaction(handler);
      } else {
        note(message);
      }
    }
  }

  private void note(int message) {
    NftChange.Part part = part(message);
    int family = reader.enterNfnetlink();
    if (part == null) {
      return;
    }
    if (family == table.family().code() && isOfTheTable()) {
      parts.add(part);
      tableRemoved |= message == Nft.NFT_MSG_DELTABLE;
      return;
    }
    otherChanged |=
        part == NftChange.Part.RULE || part == NftChange.Part.CHAIN || part == NftChange.Part.TABLE;
    if (message == NFT_MSG_DELRULE) {
      otherRulesRemoved++;
    } else if (message == NFT_MSG_NEWRULE) {
      otherRulesAdded++;
    }
  }

  private boolean isOfTheTable() {
    while (reader.nextAttribute()) {
      if (reader.attributeType() == 1) { // the table's name, of all kinds of objects
        return isWatchedName();
      }
    }
    return false;
  }

  private boolean isWatchedName() {
    byte[] name = table.nameBytes();
    if (reader.attributeLengthBytes() != name.length) {
      return false;
    }
    int at = reader.attributeOffset();
    for (int i = 0; i < name.length; i++) {
      if (buffer.get(at + i) != name[i]) {
        return false;
      }
    }
    return true;
  }

  private void endTransaction(Handler handler) {
    int portId = reader.portId();
    int processId = 0;
    String processName = "";
    reader.enterNfnetlink();
    boolean rulesRemoved = otherRulesRemoved > 0 && otherRulesAdded == 0;
    boolean others = otherChanged;
    if (parts.isEmpty() && !others) {
      forgetTransaction();
      return;
    }
    while (reader.nextAttribute()) {
      if (reader.attributeType() == Nft.NFTA_GEN_PROC_PID) {
        processId = reader.s32be();
      } else if (reader.attributeType() == Nft.NFTA_GEN_PROC_NAME) {
        processName = reader.string();
      }
    }
    NftChange change = new NftChange(portId, processId, processName, tableRemoved, parts);
    int rules = otherRulesRemoved;
    forgetTransaction();
    if (!change.parts().isEmpty()) {
      handler.onChange(change);
    }
    if (rulesRemoved) {
      handler.onOtherRulesRemoved(rules, processName, processId);
    }
    if (others) {
      handler.onOtherRulesChanged(processName, processId);
    }
  }

  private void forgetTransaction() {
    parts.clear();
    tableRemoved = false;
    otherRulesRemoved = 0;
    otherRulesAdded = 0;
    otherChanged = false;
  }

  private static NftChange.@Nullable Part part(int message) {
    return switch (message) {
      case 0, 2 -> NftChange.Part.TABLE;
      case 3, 5 -> NftChange.Part.CHAIN;
      case 6, 8 -> NftChange.Part.RULE;
      case 9, 11 -> NftChange.Part.SET;
      case 12, 14 -> NftChange.Part.ELEMENT;
      case 18, 20, 22, 24 -> NftChange.Part.OBJECT;
      default -> null; // traces and the generation
    };
  }

  @Override
  public void close() {
    transport.close();
  }
}
