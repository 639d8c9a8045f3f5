package org.pinholed.agent.pinhole;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.Transport;

class ObservingBackendTest {
  private static final int CHILD = 0x4000_0000;

  private final RecordingBackend kernel = new RecordingBackend(null);

  private static Pinhole pinhole(int port, int mark) throws Exception {
    return new Pinhole(
        Pinhole.Kind.ONCE,
        Transport.TCP,
        InetAddress.getByAddress(new byte[] {(byte) 192, 0, 2, 10}),
        InetAddress.getByAddress(new byte[] {(byte) 198, 51, 100, 7}),
        port,
        mark,
        30_000,
        "");
  }

  @Test
  void observed_isKeptFromTheKernel_andOthersAreNot() throws Exception {
    Pinhole observed = pinhole(30_000, 0);
    Pinhole enforced = pinhole(30_001, CHILD);
    try (PinholeBackend.Session session = new ObservingBackend(kernel).openSession()) {
      session.apply(List.of(), List.of(observed, enforced));
      assertEquals(1, session.listOwned().size());
      assertFalse(session.stands(observed));
      assertTrue(session.stands(enforced));
      session.renew(List.of(observed));
      assertEquals(1, session.listOwned().size());
      // whether somebody came by an observed one the kernel does not know
      assertEquals(List.of(enforced), session.apply(List.of(observed, enforced), List.of()));
      assertEquals(0, session.listOwned().size());
    }
  }

  @Test
  void keys_areNotThoseOfPinholesThatAreOpened() throws Exception {
    assertNotEquals(PinholeKey.of(pinhole(30_000, 0)), PinholeKey.of(pinhole(30_000, CHILD)));
  }

  @Test
  void refusal_tellsWhatWasDone_inTheListsThatWereGiven() throws Exception {
    Pinhole first = pinhole(30_001, CHILD);
    Pinhole second = pinhole(30_003, CHILD);
    List<Pinhole> open = List.of(pinhole(30_000, 0), first, pinhole(30_002, 0), second);
    assertEquals(3, ObservingBackend.countWith(open, 1));
    assertEquals(1, ObservingBackend.countWith(open, 0));
    assertEquals(4, ObservingBackend.countWith(open, 2));
  }
}
