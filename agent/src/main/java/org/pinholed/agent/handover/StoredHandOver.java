package org.pinholed.agent.handover;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.pinholed.agent.service.PassedDescriptor;
import org.pinholed.agent.service.ServiceManager;
import org.pinholed.kernel.unix.Descriptors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a service manager keeps from one process to the next: the sockets of the packet queues, from
 * the moment they are read on, so that they outlive a crash; the socket of the conntrack events,
 * which nobody reads any more, so that there is always one; and the flows of a process that stopped
 * in order, as a file in memory. Owned by the thread that starts and stops the agent.
 */
public final class StoredHandOver implements HandOver.Source {
  private static final Logger LOG = LoggerFactory.getLogger(StoredHandOver.class);
  private static final String QUEUE = "pinholed-queue-";
  private static final int QUEUE_NUMBER_MAX = 65535;
  private static final String EVENTS = "pinholed-events";
  private static final String FLOWS = "pinholed-flows";

  private final ServiceManager manager;
  private final List<PassedDescriptor> passed;

  /** What the manager has: names, and which file each is, for descriptors are used again. */
  private final Map<String, String> stored = new HashMap<>();

  private final List<Integer> eventsBefore = new ArrayList<>();

  /**
   * Makes it; nothing is taken yet.
   *
   * @param manager who keeps
   * @param passed what it gave to this process, which owns that from now on
   */
  public StoredHandOver(ServiceManager manager, List<PassedDescriptor> passed) {
    this.manager = manager;
    this.passed = List.copyOf(passed);
  }

  /** What an earlier process left. What nobody knows is closed, and said in the log. */
  @Override
  public HandOver take() {
    List<HandOver.Queue> queues = new ArrayList<>();
    HandOver left = HandOver.NOTHING;
    for (PassedDescriptor each : passed) {
      int number = queueNumber(each.name());
      if (number >= 0) {
        stored.put(each.name(), fileOf(each.descriptor()));
        queues.add(new HandOver.Queue(number, each.descriptor()));
      } else if (each.name().equals(EVENTS)) {
        stored.put(EVENTS, fileOf(each.descriptor()));
        eventsBefore.add(each.descriptor());
      } else {
        manager.discard(each.name()); // what it says is true this once
        if (each.name().equals(FLOWS)) {
          left = read(each.descriptor());
        } else {
          LOG.warn(
              "the service manager passed descriptor {} named {}: not known here, closed",
              each.descriptor(),
              each.name());
        }
        Descriptors.close(each.descriptor());
      }
    }
    return new HandOver(0, queues, left.flows(), left.halfOpen(), left.beyond());
  }

  private static int queueNumber(String name) {
    if (!name.matches(QUEUE + "(0|[1-9][0-9]{0,4})")) {
      return -1;
    }
    int number = Integer.parseInt(name.substring(QUEUE.length()));
    return number <= QUEUE_NUMBER_MAX ? number : -1;
  }

  private static HandOver read(int descriptor) {
    try {
      return HandOverText.read(Files.readString(Descriptors.link(descriptor)), List.of());
    } catch (IOException e) {
      LOG.warn("the state of the flows that the service manager kept: {}", e.getMessage());
      return HandOver.NOTHING;
    }
  }

  private static String fileOf(int descriptor) {
    try {
      return Files.readSymbolicLink(Descriptors.link(descriptor)).toString();
    } catch (IOException e) {
      return ""; // none
    }
  }

  /**
   * Has the sockets kept that are in use, and nothing else any more. They stay open here.
   *
   * @param queues those that are read now
   * @param events descriptor of the socket of the conntrack events
   */
  public void keep(List<HandOver.Queue> queues, int events) {
    Map<String, Integer> wanted = new HashMap<>();
    queues.forEach(queue -> wanted.put(QUEUE + queue.number(), queue.descriptor()));
    wanted.put(EVENTS, events);
    Map<String, String> kept = new HashMap<>();
    wanted.forEach(
        (name, descriptor) -> {
          String file = fileOf(descriptor);
          if (!stored.remove(name, file)) {
            if (stored.remove(name) != null) {
              manager.discard(name); // another one than in use
            }
            manager.store(name, descriptor);
          }
          kept.put(name, file);
        });
    discardAll();
    stored.putAll(kept);
    eventsBefore.forEach(Descriptors::close);
    eventsBefore.clear();
  }

  /**
   * Leaves the flows to the next process, beside the queues.
   *
   * @param left of this process, which reads no packet any more
   * @throws IOException if there is no memory for it
   */
  public void leave(HandOver left) throws IOException {
    int descriptor = Descriptors.newMemoryFile(FLOWS);
    try {
      Files.writeString(
          Descriptors.link(descriptor),
          HandOverText.write(
              new HandOver(
                  left.processId(), List.of(), left.flows(), left.halfOpen(), left.beyond())));
      manager.store(FLOWS, descriptor);
    } finally {
      Descriptors.close(descriptor);
    }
  }

  /** Has nothing kept any more. */
  public void discardAll() {
    stored.keySet().forEach(manager::discard);
    stored.clear();
  }
}
