package org.pinholed.agent.pinhole;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.pinhole.Pinhole.Kind;
import org.pinholed.agent.pinhole.PinholeBackend.Session;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;

class RecordingBackendTest {
  private static final InetAddress CLIENT = address("192.0.2.10");
  private static final InetAddress SERVER = address("198.51.100.7");

  private final AtomicLong nowNs = new AtomicLong(Long.MAX_VALUE - 5_000_000_000L);
  private final RecordingBackend backend = new RecordingBackend(null, nowNs::get);
  private final Session session;

  RecordingBackendTest() throws BackendException {
    session = backend.openSession();
  }

  private static InetAddress address(String numeric) {
    return new InetSocketAddress(numeric, 0).getAddress();
  }

  private static Pinhole pinhole(int port, long timeoutMs) {
    return new Pinhole(Kind.ONCE, Transport.TCP, CLIENT, SERVER, port, 0, timeoutMs, "");
  }

  private void passes(long milliseconds) {
    nowNs.addAndGet(milliseconds * 1_000_000);
  }

  @Test
  void listOwned_opened_withWhatIsLeft() throws BackendException {
    session.apply(List.of(), List.of(pinhole(30000, 30_000)));
    passes(10_000);

    assertEquals(List.of(new OwnedPinhole(pinhole(30000, 30_000), 20_000)), session.listOwned());
  }

  @Test
  void apply_sameKey_replacedAndClosed() throws BackendException {
    session.apply(List.of(), List.of(pinhole(30000, 30_000)));
    session.apply(List.of(pinhole(30000, 30_000)), List.of(pinhole(30000, 60_000)));
    assertEquals(1, session.listOwned().size());
    assertEquals(60_000, session.listOwned().get(0).expiresInMs());
    session.apply(List.of(pinhole(30000, 1)), List.of());

    assertEquals(List.of(), session.listOwned());
  }

  @Test
  void renew_timeBeginsAgain() throws BackendException {
    session.apply(List.of(), List.of(pinhole(30000, 30_000)));
    passes(20_000);
    session.renew(List.of(pinhole(30000, 30_000)));
    passes(20_000);

    assertEquals(10_000, session.listOwned().get(0).expiresInMs());
  }

  @Test
  void timeOver_gone() throws BackendException {
    session.apply(List.of(), List.of(pinhole(30000, 30_000)));
    passes(30_000);

    assertEquals(List.of(), session.listOwned());
  }

  @Test
  void timeOver_memoryIsGivenBackThoughNobodyLists() throws BackendException {
    for (int round = 0; round < 100; round++) {
      for (int port = 1024; port < 1124; port++) {
        session.apply(List.of(), List.of(pinhole(port + 100 * round, 1_000)));
      }
      passes(1_000);
    }

    assertTrue(backend.recorded() <= 200, backend.recorded() + " are kept");
  }

  @Test
  void openSession_another_seesTheSame() throws BackendException {
    session.apply(List.of(), List.of(pinhole(30000, 30_000)));

    assertEquals(1, backend.openSession().listOwned().size());
  }

  @Test
  void withoutDiversion_divertsAndRepairsNothing() throws BackendException {
    backend.install(List.of(new HelperPort(Transport.TCP, 21)));
    backend.setPorts(List.of());
    backend.watch(() -> {}, () -> {});

    assertFalse(backend.repair(List.of(pinhole(30000, 30_000))));
    assertTrue(backend.probe().isEmpty());
    backend.remove();
    backend.close();
  }

  @Test
  void withDiversion_divertsButOpensNothing() throws BackendException {
    ScriptedBackend diversion = new ScriptedBackend();
    RecordingBackend dry = new RecordingBackend(diversion);
    dry.install(List.of(new HelperPort(Transport.TCP, 21)));
    dry.openSession().apply(List.of(), List.of(pinhole(30000, 30_000)));

    assertEquals(List.of(), diversion.open());
    assertEquals(1, diversion.ports().size());
    diversion.loseTable();
    assertTrue(dry.repair(List.of(pinhole(30000, 30_000))), "the diversion is repaired");
    assertEquals(List.of(), diversion.open(), "the pinhole is not opened");
  }

  private static Pinhole lease(int first, int last, int connections) {
    return Pinhole.lease(
        Transport.TCP, CLIENT, SERVER, new PortRange(first, last), connections, 0, 30_000, "");
  }

  @Test
  void leases_ofTwoRangesWithOneLowestPort_areTwo() throws BackendException {
    session.apply(List.of(), List.of(lease(49152, 50000, 3), lease(49152, 65535, 0)));
    assertTrue(session.stands(lease(49152, 50000, 3)));
    session.apply(List.of(lease(49152, 50000, 3)), List.of());
    assertEquals(
        List.of(lease(49152, 65535, 0)),
        session.listOwned().stream().map(OwnedPinhole::pinhole).toList());
    assertTrue(backend.limitsConnections());
  }

  @Nested
  class PinholeRefuses {
    @Test
    void aLeaseThatNoMapCanHold() {
      assertThrows(IllegalArgumentException.class, () -> new PortRange(50000, 49999));
      assertThrows(IllegalArgumentException.class, () -> new PortRange(0, 1));
      assertThrows(IllegalArgumentException.class, () -> new PortRange(1, 65536));
      assertThrows(IllegalArgumentException.class, () -> lease(1, 2, -1));
      assertThrows(IllegalArgumentException.class, () -> lease(1, 2, 65536));
      assertThrows(
          IllegalArgumentException.class,
          () ->
              lease(1, 2, 0).withTranslation(new ChildTranslation(new Endpoint(CLIENT, 2), null)));
      assertEquals("49152-65535", new PortRange(49152, 65535).toString());
    }

    @Test
    void aRangeOrANumberOfConnectionsOfWhatIsNoLease() {
      assertThrows(
          IllegalArgumentException.class,
          () ->
              new Pinhole(
                  Kind.OPEN, Transport.TCP, CLIENT, SERVER, 1024, 1025, 0, 0, 1, "", null, null));
      assertThrows(
          IllegalArgumentException.class,
          () ->
              new Pinhole(
                  Kind.OPEN, Transport.TCP, CLIENT, SERVER, 1024, 1024, 1, 0, 1, "", null, null));
    }

    @Test
    void aTranslationOfAnySource_butNotOfItsDestination() {
      Pinhole any = new Pinhole(Kind.OPEN_ANY, Transport.UDP, null, SERVER, 1024, 0, 1, "");
      Endpoint inside = new Endpoint(CLIENT, 2000);
      assertThrows(
          IllegalArgumentException.class,
          () -> any.withTranslation(new ChildTranslation(inside, CLIENT)));
      ChildTranslation destination = new ChildTranslation(inside, null);
      assertEquals(destination, any.withTranslation(destination).translation());
    }

    @Test
    void aSourceForAnySourceAndNoneForOne() {
      assertThrows(
          IllegalArgumentException.class,
          () -> new Pinhole(Kind.OPEN_ANY, Transport.TCP, CLIENT, SERVER, 1024, 0, 1, ""));
      assertThrows(
          IllegalArgumentException.class,
          () -> new Pinhole(Kind.ONCE, Transport.TCP, null, SERVER, 1024, 0, 1, ""));
    }

    @Test
    void twoFamilies() {
      assertThrows(
          IllegalArgumentException.class,
          () ->
              new Pinhole(
                  Kind.ONCE, Transport.TCP, CLIENT, address("2001:db8::1"), 1024, 0, 1, ""));
    }

    @Test
    void numbersOutsideTheirRange() {
      assertThrows(IllegalArgumentException.class, () -> pinhole(0, 1));
      assertThrows(IllegalArgumentException.class, () -> pinhole(65536, 1));
      assertThrows(IllegalArgumentException.class, () -> pinhole(1024, 0));
      assertEquals(65535, pinhole(65535, 1).port());
    }

    @Test
    void aCommentLongerThan128() {
      assertThrows(
          IllegalArgumentException.class,
          () -> new Pinhole(Kind.ONCE, Transport.TCP, CLIENT, SERVER, 1024, 0, 1, "x".repeat(129)));
    }
  }
}
