package org.pinholed.agent.worker;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import org.pinholed.kernel.netlink.DatagramBatch;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.FakeDatagrams;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.netlink.NetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkWriter;

/** The kernel's routing tables: an address is reached by the devices that were said. */
final class FakeRouteKernel implements NetlinkTransport {
  private static final int RTM_NEWLINK = 16;
  private static final int RTM_GETLINK = 18;
  private static final int RTM_NEWROUTE = 24;
  private static final int RTM_GETROUTE = 26;
  private static final int RTMSG_BYTES = 12;
  private static final int RTA_DST = 1;
  private static final int RTA_IIF = 3;
  private static final int RTA_OIF = 4;
  private static final int RTA_MULTIPATH = 9;

  private final LinkedBlockingQueue<byte[]> arrived = new LinkedBlockingQueue<>();
  private final Map<String, List<Integer>> routes = new HashMap<>();
  private final List<String> questions = new ArrayList<>();
  private final Map<Integer, Device> devices = new HashMap<>();

  private record Device(String name, int mtuBytes) {}

  /** Lets an address be reached by devices. */
  void route(String address, Integer... devices) {
    routes.put(address, List.of(devices));
  }

  /** What was asked: destination and the device that the packet comes in by. */
  List<String> questions() {
    return questions;
  }

  @Override
  public void send(NetlinkWriter writer) {
    NetlinkReader reader = new NetlinkReader();
    reader.wrap(writer.buffer(), 0, writer.lengthBytes());
    while (reader.nextMessage()) {
      int index = reader.buffer().getInt(reader.payloadOffset() + 4); // of struct ifinfomsg
      Device device = devices.get(index);
      if (reader.type() == RTM_GETROUTE) {
        answer(reader);
      } else if (reader.type() == RTM_GETLINK && device != null) {
        answerDevice(reader.sequence(), device, index);
      } else {
        arrived.add(FakeDatagrams.error(reader.sequence(), Errno.ENODEV));
      }
    }
  }

  /** Makes a device known. */
  void device(int index, String name, int mtuBytes) {
    devices.put(index, new Device(name, mtuBytes));
  }

  private void answerDevice(int sequence, Device device, int index) {
    arrived.add(
        FakeDatagrams.datagram(
            writer ->
                writer
                    .beginMessage(RTM_NEWLINK, 0, sequence)
                    .raw32host(0)
                    .raw32host(index)
                    .raw32host(0)
                    .raw32host(0)
                    .attrString(3, device.name())
                    .attr32host(4, device.mtuBytes())
                    .endMessage()));
  }

  private void answer(NetlinkReader reader) {
    int sequence = reader.sequence();
    String destination = "";
    int in = 0;
    reader.enterAttributes(RTMSG_BYTES);
    while (reader.nextAttribute()) {
      if (reader.attributeType() == RTA_DST) {
        try {
          destination = java.net.InetAddress.getByAddress(reader.bytes()).getHostAddress();
        } catch (java.net.UnknownHostException e) {
          throw new IllegalArgumentException(e);
        }
      } else if (reader.attributeType() == RTA_IIF) {
        in = reader.s32host();
      }
    }
    questions.add(destination + " from " + in);
    List<Integer> devices = routes.get(destination);
    if (devices == null) {
      arrived.add(FakeDatagrams.error(sequence, Errno.ENETUNREACH));
      return;
    }
    arrived.add(
        FakeDatagrams.datagram(
            writer -> {
              writer
                  .beginMessage(RTM_NEWROUTE, 0, sequence)
                  .raw32host(0)
                  .raw8(0)
                  .raw8(0)
                  .raw8(0)
                  .raw8(1)
                  .raw32host(0);
              if (devices.size() == 1) {
                writer.attr32host(RTA_OIF, devices.get(0));
              } else {
                writer.attrHeader(RTA_MULTIPATH, 8 * devices.size());
                for (int device : devices) {
                  writer.raw16host(8).raw8(0).raw8(0).raw32host(device);
                }
              }
              writer.endMessage();
            }));
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
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {}
}
