package org.pinholed.agent.event;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pinholed.agent.config.MemoryNeed;
import org.pinholed.agent.view.EventFilter;
import org.pinholed.agent.view.EventPage;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.text.Network;

@Timeout(60)
class EventRingTest {
  private static final Endpoint SERVER =
      new Endpoint(new InetSocketAddress("198.51.100.7", 0).getAddress(), 21);

  private final List<AgentEvent> passedOn = new ArrayList<>();
  private final EventRing ring = new EventRing(passedOn::add, 4);

  private static AgentEvent event(long micros, AgentEvent.Kind kind, int client) {
    Endpoint from =
        new Endpoint(new InetSocketAddress("192.0.2." + client, 0).getAddress(), 40000 + client);
    return new AgentEvent(
        micros, kind, "ftp", 25, "0000abcd", null, 0, from, SERVER, null, null, "", "why", "d", 0);
  }

  private List<String> reasons(EventFilter filter) throws InterruptedException {
    return ring.page(filter, 0, 0).events().stream()
        .map(fields -> fields.get("event") + " " + String.valueOf(fields.get("client")))
        .map(text -> text.replaceAll("\\{address=192.0.2.(\\d+).*", "$1"))
        .toList();
  }

  @Test
  void lastOnes_areKept_andEachIsPassedOn() throws InterruptedException {
    for (int i = 1; i <= 6; i++) {
      ring.onEvent(event(i, AgentEvent.Kind.CREATED, i));
    }
    assertEquals(6, passedOn.size());
    assertEquals(
        List.of("created 3", "created 4", "created 5", "created 6"), reasons(EventFilter.ALL));
    EventPage page = ring.page(EventFilter.ALL, 0, 0);
    assertEquals(2, page.lost());
    assertEquals(6, page.next());
    assertEquals(new EventPage(List.of(), 6, 0), ring.page(EventFilter.ALL, 6, 0));
    assertEquals(4, ring.all().size());
  }

  @Test
  void lostOnes_beforeTheTimeThatIsAskedFor_areNotMissed() throws InterruptedException {
    for (int i = 1; i <= 6; i++) {
      ring.onEvent(event(i, AgentEvent.Kind.CREATED, i));
    }
    assertEquals(0, ring.page(new EventFilter(ListingFilter.ALL, Set.of(), 3), 0, 0).lost());
    assertEquals(2, ring.page(new EventFilter(ListingFilter.ALL, Set.of(), 2), 0, 0).lost());
  }

  @Test
  void follower_thatIsLate_isToldHowManyItMissed() throws InterruptedException {
    ring.onEvent(event(1, AgentEvent.Kind.CREATED, 1));
    long next = ring.page(EventFilter.ALL, 0, 0).next();
    for (int i = 2; i <= 8; i++) {
      ring.onEvent(event(i, AgentEvent.Kind.CREATED, i));
    }
    EventPage page = ring.page(EventFilter.ALL, next, 0);
    assertEquals(3, page.lost());
    assertEquals(4, page.events().size());
  }

  @Test
  void filter_byKindTimeAndEnds() throws InterruptedException {
    ring.onEvent(event(1, AgentEvent.Kind.CREATED, 1));
    ring.onEvent(event(2, AgentEvent.Kind.REFUSED, 2));
    ring.onEvent(event(3, AgentEvent.Kind.REFUSED, 3));
    assertEquals(
        List.of("refused 2", "refused 3"),
        reasons(new EventFilter(ListingFilter.ALL, Set.of("refused"), 0)));
    assertEquals(List.of("refused 3"), reasons(new EventFilter(ListingFilter.ALL, Set.of(), 3)));
    ListingFilter one =
        new ListingFilter(null, null, null, Network.parse("192.0.2.2"), null, Set.of());
    assertEquals(List.of("refused 2"), reasons(new EventFilter(one, Set.of(), 0)));
  }

  @Test
  void wait_endsWithTheNextEvent() throws Exception {
    CompletableFuture<EventPage> page =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return ring.page(EventFilter.ALL, 0, 50_000);
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });
    ring.onEvent(event(1, AgentEvent.Kind.CREATED, 1));
    assertEquals(1, page.get().events().size());
  }

  /** The bound that the class states, with the longest texts and nothing that is shared. */
  @Test
  void memory_isWithinWhatIsStated() {
    ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    EventRing full = new EventRing(EventListener.NONE);
    full.onEvent(largest(0)); // what is made once
    long before = thread.getCurrentThreadAllocatedBytes();
    for (int i = 1; i <= MemoryNeed.REMEMBERED_EVENTS; i++) {
      full.onEvent(largest(i));
    }
    long each = (thread.getCurrentThreadAllocatedBytes() - before) / MemoryNeed.REMEMBERED_EVENTS;
    assertEquals(MemoryNeed.REMEMBERED_EVENTS, full.all().size());
    assertTrue(each <= MemoryNeed.REMEMBERED_EVENT_BYTES, () -> each + " bytes each");
    assertTrue(each >= MemoryNeed.REMEMBERED_EVENT_BYTES / 2, () -> each + " bytes each");
  }

  private static AgentEvent largest(int number) {
    return new AgentEvent(
        number,
        AgentEvent.Kind.MATCHED,
        "ftp",
        25,
        Integer.toHexString(0x10000000 + number),
        Integer.toHexString(0x20000000 + number),
        number,
        endpoint(number, 1),
        endpoint(number, 2),
        endpoint(number, 3),
        endpoint(number, 4),
        "x".repeat(120),
        "why",
        "y".repeat(200),
        0);
  }

  private static Endpoint endpoint(int number, int last) {
    byte[] address = new byte[16];
    address[0] = 0x20;
    address[1] = 0x01;
    address[13] = (byte) (number >> 8);
    address[14] = (byte) number;
    address[15] = (byte) last;
    try {
      return new Endpoint(InetAddress.getByAddress(address), 40000);
    } catch (UnknownHostException e) {
      throw new IllegalStateException(e);
    }
  }
}
