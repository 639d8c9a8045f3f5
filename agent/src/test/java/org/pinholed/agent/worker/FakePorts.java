package org.pinholed.agent.worker;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.pinholed.agent.announce.LocalPorts;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.socket.ListeningSocket;

/** A machine on which nothing listens but what a test says. */
final class FakePorts implements LocalPorts.Kernel {
  private final List<ListeningSocket> listening = new ArrayList<>();
  private String reserved = "\n";
  private boolean failing;
  private int questions;

  /** Something listens from now on. */
  void listen(Transport transport, Endpoint at) {
    listening.add(new ListeningSocket(transport.protocolNumber(), at.address(), at.port()));
  }

  /** The operator reserves ports, as the kernel writes them. */
  void reserve(String ports) {
    reserved = ports + "\n";
  }

  /** The kernel answers no more. */
  void fail() {
    failing = true;
  }

  /** How often it was asked. */
  int questions() {
    return questions;
  }

  @Override
  public void listening(Consumer<ListeningSocket> each) throws NetlinkException {
    questions++;
    if (failing) {
      throw new NetlinkException("sockets: list", Errno.ENOENT, "");
    }
    listening.forEach(each);
  }

  @Override
  public String reserved() {
    return reserved;
  }
}
