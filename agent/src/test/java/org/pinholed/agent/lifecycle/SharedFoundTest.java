package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.OwnedPinhole;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeComment;
import org.pinholed.agent.pinhole.Stay;
import org.pinholed.agent.worker.WorkerBench;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Transport;

/** Who is taken to hold a pinhole that has the comment of another one. */
class SharedFoundTest {
  private static final OwnerId ONE = new OwnerId(1, 1);
  private static final OwnerId OTHER = new OwnerId(2, 2);
  private static final InetAddress PEER = address("198.51.100.7");
  private static final InetAddress ELSEWHERE = address("198.51.100.8");
  private static final InetAddress OUTSIDE = address("203.0.113.1");
  private static final String PBX = "192.0.2.10";
  private static final Stay CALL = new Stay(Stay.Kind.OWNER, 0, 0, 0, 43_200_000);
  private static final Stay GRANTED = new Stay(Stay.Kind.DEADLINE, 0, 0, 0, 0);

  private final SharedFound shared = new SharedFound(WorkerBench.MARKS);

  private static InetAddress address(String text) {
    return new InetSocketAddress(text, 0).getAddress();
  }

  private static FoundPinhole found(
      OwnerId owner,
      String item,
      @Nullable InetAddress source,
      String inside,
      int port,
      String serial,
      Stay stay) {
    boolean isRead = item.startsWith("c");
    String comment =
        new PinholeComment(
                "sip", serial, 5060, 25, 1_764_200_000L, stay, 0, owner, isRead ? "s1" : "m1", item)
            .text();
    Pinhole pinhole =
        new Pinhole(
            source == null ? Pinhole.Kind.OPEN_ANY : Pinhole.Kind.OPEN,
            Transport.UDP,
            source,
            OUTSIDE,
            port,
            WorkerBench.MARKS.childMark(25, isRead),
            60_000,
            comment,
            new ChildTranslation(new Endpoint(address(inside), port), null));
    return Objects.requireNonNull(FoundPinhole.of(new OwnedPinhole(pinhole, 40_000)));
  }

  private List<String> alsoHeld() {
    return shared.alsoHeld().stream()
        .map(
            also ->
                also.comment().owner()
                    + " "
                    + also.pinhole().port()
                    + " "
                    + also.comment().group()
                    + "/"
                    + also.comment().item())
        .toList();
  }

  @Test
  void callsOfATrunk_allHoldThePinholeOfItsSignalling() {
    shared.add(found(ONE, "c0n", PEER, PBX, 5060, "00000001", CALL));
    shared.add(found(ONE, "0", PEER, PBX, 20_000, "00000001", CALL));
    shared.add(found(OTHER, "0", PEER, PBX, 20_002, "00000002", CALL));
    shared.add(found(OTHER, "0c", PEER, PBX, 20_003, "00000002", CALL));
    assertEquals(List.of(OTHER + " 5060 found/0c0n"), alsoHeld());
    FoundPinhole also = shared.alsoHeld().isEmpty() ? null : shared.alsoHeld().get(0);
    assertEquals(null, also, "once");
  }

  /** The registration has the longer time, and so its comment is there. */
  @Test
  void call_holdsThePinholeOfItsRegistration_forItsOwnTime() {
    shared.add(found(ONE, "c", PEER, PBX, 5062, "00000001", GRANTED));
    shared.add(found(OTHER, "0", PEER, PBX, 20_000, "00000001", CALL));
    List<FoundPinhole> also = shared.alsoHeld();
    assertEquals(1, also.size());
    assertEquals(CALL, also.get(0).stay());
    assertEquals(60_000, also.get(0).pinhole().timeoutMs());
    assertEquals(also.get(0).comment().text(), also.get(0).pinhole().comment());
  }

  /** Media may come from elsewhere: then it is the parent that tells. */
  @Test
  void mediaFromElsewhere_theParentTells() {
    shared.add(found(ONE, "c", PEER, PBX, 5060, "00000001", CALL));
    shared.add(found(OTHER, "0", ELSEWHERE, PBX, 20_000, "00000001", CALL));
    shared.add(found(new OwnerId(3, 3), "0", null, PBX, 20_002, "00000003", CALL));
    assertEquals(List.of(OTHER + " 5060 found/0c"), alsoHeld());
  }

  @Test
  void othersPinholes_areNotHeld() {
    shared.add(found(ONE, "c", PEER, "192.0.2.11", 5060, "00000001", CALL)); // to another host
    shared.add(found(ONE, "c1", ELSEWHERE, PBX, 5062, "00000001", CALL)); // for another peer
    shared.add(found(OTHER, "0", PEER, PBX, 20_000, "00000002", CALL));
    shared.add(found(new OwnerId(4, 4), "c2", PEER, PBX, 5064, "00000004", GRANTED));
    assertEquals(List.of(OTHER + " 5064 found/0c2"), alsoHeld());
  }

  /** A host may have thousands of registrations, and as many calls. */
  @Test
  void notMoreThanEight() {
    for (int phone = 0; phone < 100; phone++) {
      shared.add(found(new OwnerId(5, phone), "c", PEER, PBX, 5100 + phone, "00000009", GRANTED));
    }
    shared.add(found(OTHER, "0", PEER, PBX, 20_000, "00000002", CALL));
    assertEquals(SharedFound.MOST, alsoHeld().size());
  }
}
