package org.pinholed.agent.worker;

import java.io.IOException;
import org.pinholed.agent.announce.KernelPorts;
import org.pinholed.agent.flow.FlowFinder;
import org.pinholed.agent.flow.KernelFlowFinder;
import org.pinholed.agent.handover.HandOver;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.nfqueue.PacketQueue;
import org.pinholed.kernel.route.RouteClient;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A worker with its thread and the sockets that nobody else uses. To be stopped before it is
 * closed; its packet queue is closed with it.
 */
public final class WorkerThread implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WorkerThread.class);

  private final PacketQueue queue;
  private final ConntrackClient conntrack;
  private final RouteClient routes;
  private final KernelPorts ports;
  private final PinholeBackend.Session pinholes;
  private final QueueWorker worker;

  private WorkerThread(
      PacketQueue queue,
      ConntrackClient conntrack,
      RouteClient routes,
      KernelPorts ports,
      PinholeBackend.Session pinholes,
      QueueWorker worker) {
    this.queue = queue;
    this.conntrack = conntrack;
    this.routes = routes;
    this.ports = ports;
    this.pinholes = pinholes;
    this.worker = worker;
  }

  /** Makes the worker of sockets that are its own. */
  public interface Maker {
    /**
     * Makes it; nothing of it runs yet.
     *
     * @param own its ways to the kernel
     * @return the worker of these
     */
    QueueWorker make(WorkerSockets own);
  }

  /**
   * Opens what a worker needs besides its queue.
   *
   * @param queue owned by the caller if this fails, else closed with the worker
   * @param backend where the pinholes are
   * @param maker makes the worker
   * @return a worker that does not run yet
   * @throws IOException if the kernel refuses; nothing is left open then
   */
  public static WorkerThread open(PacketQueue queue, PinholeBackend backend, Maker maker)
      throws IOException {
    ConntrackClient conntrack = ConntrackClient.open();
    RouteClient routes = null;
    KernelPorts ports = null;
    try {
      routes = RouteClient.open();
      ports = KernelPorts.open();
      PinholeBackend.Session pinholes = backend.openSession();
      FlowFinder finder = new KernelFlowFinder(conntrack, pinholes);
      WorkerSockets own = new WorkerSockets(queue, conntrack, finder, routes, ports, pinholes);
      return new WorkerThread(queue, conntrack, routes, ports, pinholes, maker.make(own));
    } catch (IOException | RuntimeException e) {
      if (ports != null) {
        ports.close();
      }
      if (routes != null) {
        routes.close();
      }
      conntrack.close();
      throw e;
    }
  }

  /**
   * The worker.
   *
   * @return the same at every call
   */
  public QueueWorker worker() {
    return worker;
  }

  /**
   * Its packet queue for another process, which must not read it before this worker was stopped.
   *
   * @return number and descriptor; the socket stays open here
   */
  public HandOver.Queue leave() {
    return new HandOver.Queue(queue.queueNumber(), queue.descriptor());
  }

  @Override
  public void close() {
    try {
      pinholes.close();
    } catch (RuntimeException e) {
      LOG.warn("close: {}", e.toString());
    }
    queue.close();
    ports.close();
    routes.close();
    conntrack.close();
  }
}
