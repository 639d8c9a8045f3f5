package org.pinholed.agent.replay;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.announce.LocalPorts;
import org.pinholed.kernel.route.NetworkDevice;
import org.pinholed.kernel.route.RouteQuestion;
import org.pinholed.kernel.route.Routes;
import org.pinholed.kernel.socket.ListeningSocket;

/** What a capture does not tell: the devices, routes and sockets of the router. */
final class NoRoutes implements Routes, LocalPorts.Kernel {
  @Override
  public boolean leadsTo(RouteQuestion question, int interfaceIndex) {
    return true;
  }

  @Override
  public @Nullable NetworkDevice device(int index) {
    return null;
  }

  @Override
  public void listening(Consumer<ListeningSocket> each) {
    // nothing
  }

  @Override
  public String reserved() {
    return "";
  }
}
