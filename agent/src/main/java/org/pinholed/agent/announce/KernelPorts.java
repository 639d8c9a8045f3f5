package org.pinholed.agent.announce;

import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.socket.ListeningSocket;
import org.pinholed.kernel.socket.SocketClient;
import org.pinholed.kernel.sysctl.SysctlFile;

/**
 * What this kernel knows of the ports of the network namespace in which it was opened. For one
 * worker's thread.
 */
public final class KernelPorts implements LocalPorts.Kernel, AutoCloseable {
  /** Of both families (ip-sysctl of the kernel). */
  private static final Path RESERVED = Path.of("/proc/sys/net/ipv4/ip_local_reserved_ports");

  private final SocketClient sockets;

  private KernelPorts(SocketClient sockets) {
    this.sockets = sockets;
  }

  /**
   * Opens a way to it.
   *
   * @return an open one
   * @throws NetlinkException if the kernel refuses the socket
   */
  public static KernelPorts open() throws NetlinkException {
    return new KernelPorts(SocketClient.open());
  }

  @Override
  public void listening(Consumer<ListeningSocket> each) throws NetlinkException {
    sockets.listening(each);
  }

  @Override
  public String reserved() throws IOException {
    return SysctlFile.read(RESERVED);
  }

  @Override
  public void close() {
    sockets.close();
  }
}
