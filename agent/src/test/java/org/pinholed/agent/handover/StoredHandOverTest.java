package org.pinholed.agent.handover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pinholed.agent.flow.FlowState;
import org.pinholed.agent.flow.HalfOpenFlows;
import org.pinholed.agent.flow.HalfOpenState;
import org.pinholed.agent.service.PassedDescriptor;
import org.pinholed.agent.service.ServiceManager;
import org.pinholed.helper.FlowFacts;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.testing.DescriptorNumbers;
import org.pinholed.kernel.unix.DatagramReceiver;
import org.pinholed.kernel.unix.DescriptorSocket;
import org.pinholed.kernel.unix.Descriptors;

/** What one process has the manager keep is what the next one finds. */
@SuppressWarnings("NullAway.Init")
class StoredHandOverTest {
  private static final InetAddress END = new InetSocketAddress("192.0.2.10", 0).getAddress();
  private static final FlowTuple ORIGINAL = new FlowTuple(6, END, 40001, END, 21);
  private static final HalfOpenState HALF_OPEN =
      new HalfOpenState(
          5, List.of(new HalfOpenState.Held(1, new HalfOpenFlows.Beginning(2, 3, 4, false))));
  private static final FlowState FLOW =
      new FlowState(
          new ConntrackIdentity(17, ORIGINAL, ORIGINAL.inverse(), 0),
          FlowFacts.Origin.FIRST_BYTE,
          7,
          0,
          100,
          200,
          "ftp1",
          List.of(),
          null,
          null,
          3,
          -1,
          true,
          false);

  @TempDir Path folder;
  private DatagramReceiver receiver;
  private ServiceManager manager;

  @BeforeEach
  void open() throws IOException {
    String address = folder.resolve("notify").toString();
    receiver = DatagramReceiver.open(address);
    manager = ServiceManager.of(Map.of("NOTIFY_SOCKET", address), 1);
  }

  @AfterEach
  void close() {
    manager.close();
    receiver.close();
  }

  private StoredHandOver next(PassedDescriptor... passed) {
    return new StoredHandOver(manager, List.of(passed));
  }

  /**
   * Whether the descriptor is that memory file's still. Its number alone would not tell: once it is
   * closed, the next file that any thread opens may have it.
   */
  private static boolean isOpen(int descriptor, String name) throws IOException {
    try {
      Path file = Files.readSymbolicLink(Descriptors.link(descriptor));
      return file.toString().equals("/memfd:" + name + " (deleted)");
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  /** What the manager was asked for, in no order: {@code +} stored, {@code -} discarded. */
  private List<String> asked(int count) throws IOException {
    List<String> asked = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      DescriptorSocket.Received received = receiver.receive();
      asked.add(
          received
              .line()
              .replace("FDSTORE=1\nFDPOLL=0\nFDNAME=", "+")
              .replace("FDSTOREREMOVE=1\nFDNAME=", "-"));
      received.descriptors().forEach(Descriptors::close);
    }
    asked.sort(Comparator.naturalOrder());
    return asked;
  }

  private void assertDiscarded(String name) throws IOException {
    assertEquals("FDSTOREREMOVE=1\nFDNAME=" + name, receiver.receive().line());
  }

  /** Whatever was said before, this comes next. */
  private void assertNothingMoreSaid() throws IOException {
    manager.stopping();
    assertEquals("STOPPING=1", receiver.receive().line());
  }

  @Test
  void firstStart_storesEachQueueUnderItsNumber() throws IOException {
    int queue = Descriptors.newMemoryFile("queue");
    StoredHandOver first = next();
    assertEquals(HandOver.NOTHING, first.take());
    int events = Descriptors.newMemoryFile("events");
    first.keep(List.of(new HandOver.Queue(7, queue)), events);
    assertEquals(List.of("+pinholed-events", "+pinholed-queue-7"), asked(2));
    first.discardAll();
    assertEquals(List.of("-pinholed-events", "-pinholed-queue-7"), asked(2));
    assertNothingMoreSaid();
    assertTrue(isOpen(queue, "queue"));
    assertTrue(isOpen(events, "events"));
    List.of(queue, events).forEach(Descriptors::close);
  }

  @Test
  void nextStart_findsTheQueues_andStoresOnlyWhatIsNew() throws IOException {
    int kept = Descriptors.newMemoryFile("kept");
    int unwanted = Descriptors.newMemoryFile("unwanted");
    int added = Descriptors.newMemoryFile("added");
    int eventsBefore = Descriptors.newMemoryFile("eventsBefore");
    int events = Descriptors.newMemoryFile("events");
    StoredHandOver second =
        next(
            new PassedDescriptor("pinholed-queue-0", kept),
            new PassedDescriptor("pinholed-queue-65535", unwanted),
            new PassedDescriptor("pinholed-events", eventsBefore));
    HandOver left = second.take();
    assertEquals(
        List.of(new HandOver.Queue(0, kept), new HandOver.Queue(65535, unwanted)), left.queues());
    assertTrue(isOpen(eventsBefore, "eventsBefore"), "until this process has its own");

    second.keep(List.of(new HandOver.Queue(0, kept), new HandOver.Queue(1, added)), events);
    assertEquals(
        List.of(
            "+pinholed-events", "+pinholed-queue-1", "-pinholed-events", "-pinholed-queue-65535"),
        asked(4));
    assertNothingMoreSaid();
    assertFalse(isOpen(eventsBefore, "eventsBefore"));
    List.of(kept, unwanted, added, events).forEach(Descriptors::close);
  }

  /** The number of a descriptor that was closed is soon that of another one. */
  @Test
  void queue_thatWasNoQueue_isReplaced_alsoUnderTheSameDescriptor() throws IOException {
    int bogus = Descriptors.newMemoryFile("bogus");
    StoredHandOver second = next(new PassedDescriptor("pinholed-queue-0", bogus));
    second.take();
    int queue = DescriptorNumbers.giveTo(bogus, Descriptors.newMemoryFile("queue"));
    assertTrue(isOpen(queue, "queue"));
    int events = Descriptors.newMemoryFile("events");
    second.keep(List.of(new HandOver.Queue(0, queue)), events);
    assertEquals(List.of("+pinholed-events", "+pinholed-queue-0", "-pinholed-queue-0"), asked(3));
    assertNothingMoreSaid();
    List.of(queue, events).forEach(Descriptors::close);
  }

  @Test
  void flows_comeBackOnce() throws IOException {
    next()
        .leave(
            new HandOver(
                99,
                List.of(new HandOver.Queue(0, 1)),
                List.of(FLOW),
                HALF_OPEN,
                HandOver.Beyond.NOTHING));
    DescriptorSocket.Received received = receiver.receive();
    assertEquals("FDSTORE=1\nFDPOLL=0\nFDNAME=pinholed-flows", received.line());
    int flows = received.descriptors().get(0);
    assertTrue(isOpen(flows, "pinholed-flows"));

    HandOver left = next(new PassedDescriptor("pinholed-flows", flows)).take();
    assertEquals(
        new HandOver(0, List.of(), List.of(FLOW), HALF_OPEN, HandOver.Beyond.NOTHING), left);
    assertDiscarded("pinholed-flows");
    assertNothingMoreSaid();
    assertFalse(isOpen(flows, "pinholed-flows"));
  }

  @Test
  void whatIsNotKnown_isClosedAndDiscarded() throws IOException {
    String[] names = {
      "pinholed-queue-",
      "pinholed-queue-007",
      "pinholed-queue-65536",
      "ssh.socket",
      "pinholed-flows"
    };
    for (String name : names) {
      int descriptor = Descriptors.newMemoryFile("noise");
      assertTrue(isOpen(descriptor, "noise"));
      Files.writeString(Descriptors.link(descriptor), "{\"handOver\":1,\"queues\":3");
      assertEquals(HandOver.NOTHING, next(new PassedDescriptor(name, descriptor)).take());
      assertFalse(isOpen(descriptor, "noise"), name);
      assertDiscarded(name);
    }
    assertNothingMoreSaid();
  }
}
