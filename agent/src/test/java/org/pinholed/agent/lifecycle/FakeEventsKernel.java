package org.pinholed.agent.lifecycle;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.kernel.netlink.DatagramBatch;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.FakeDatagrams;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkWriter;

/** The event socket of conntrack. Thread-safe. */
final class FakeEventsKernel implements NetlinkTransport {
  private static final int NEW = 0;
  private static final int DESTROY = 2;

  private final ConcurrentLinkedQueue<byte[]> arrived = new ConcurrentLinkedQueue<>();
  private volatile int failWith;

  void began(Connection connection) {
    arrived.add(connection.message(NEW, 0, 0));
  }

  void ended(Connection connection) {
    arrived.add(connection.message(DESTROY, 0, 0));
  }

  /** The next receive says that events were lost. */
  void overrun() {
    failWith(Errno.ENOBUFS);
  }

  /** The next receive fails. */
  void failWith(int errno) {
    failWith = errno;
  }

  @Override
  public void send(NetlinkWriter writer) {
    throw new AssertionError("nothing is sent by this socket");
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
  public int receiveBatch(DatagramBatch batch) throws NetlinkException {
    int errno = failWith;
    failWith = 0;
    if (errno != 0) {
      FakeDatagrams.fill(new ArrayDeque<>(), batch);
      throw new NetlinkException("netlink: receive", errno, "");
    }
    return FakeDatagrams.fill(arrived, batch);
  }

  @Override
  public void close() {
    arrived.clear();
  }
}
