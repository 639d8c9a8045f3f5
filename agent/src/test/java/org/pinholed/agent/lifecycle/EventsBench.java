package org.pinholed.agent.lifecycle;

import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.worker.FakeConntrackKernel;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.agent.worker.TcpDialogue;
import org.pinholed.agent.worker.WorkerBench;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEvents;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.link.LinkEvents;
import org.pinholed.kernel.netlink.FakeNetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkException;

/** What tests of the kernel's events have in common. */
final class EventsBench {
  private EventsBench() {}

  /** The events of one worker's agent. */
  static KernelEvents events(ConntrackEvents socket, WorkerBench bench) throws NetlinkException {
    return events(socket, bench, bench.backend());
  }

  /** The same with a backend before that of the bench. */
  static KernelEvents events(ConntrackEvents socket, WorkerBench bench, PinholeBackend backend)
      throws NetlinkException {
    PinholeBackend.Session pinholes;
    try {
      pinholes = backend.openSession();
    } catch (BackendException e) {
      throw new AssertionError("no kernel is asked", e);
    }
    return new KernelEvents(
        socket,
        ConntrackClient.open(bench.conntrack()),
        backend,
        pinholes,
        bench.table(),
        bench.workers(),
        new LinkWatch(LinkEvents.open(new FakeNetlinkTransport()), System.nanoTime())::look,
        TcpTimeouts.ofThisMachine(),
        bench.helpersInForce().shared(),
        WorkerBench.MARKS,
        bench.events(),
        bench.metrics(),
        Clock.SYSTEM);
  }

  /** A passive data connection as the kernel marks it. */
  static Connection child(int id, int clientPort, int serverPort) {
    FlowTuple original =
        new FlowTuple(
            6,
            TcpDialogue.CLIENT.getAddress(),
            clientPort,
            TcpDialogue.SERVER.getAddress(),
            serverPort);
    return new Connection(
        id,
        original,
        original.inverse(),
        25 | WorkerBench.MARKS.child(),
        FakeConntrackKernel.ESTABLISHED);
  }
}
