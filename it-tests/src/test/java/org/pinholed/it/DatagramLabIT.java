package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.Capture;
import org.pinholed.it.lab.Datagram;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.ForgedDatagram;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Peer;

/** That the laboratory's datagrams are sound, without any agent and any rule. */
class DatagramLabIT {
  private static final Duration SHORTLY = Duration.ofMillis(300);

  @ParameterizedTest
  @EnumSource
  void datagrams_crossTheRouter_andSayWhoSentThem(Family family) {
    try (Lab lab = Lab.create();
        Peer client = Peer.start(lab, Lab.Host.CLIENT);
        Peer server = Peer.start(lab, Lab.Host.SERVER);
        Datagrams from = client.datagrams(family.client(), 0);
        Datagrams to = server.datagrams(family.server(), 5959)) {
      from.send(to.local(), "hello");
      assertEquals(new Datagram("hello", from.local()), to.receive());
      to.send(from.local(), "y\u00e9s");
      assertEquals(new Datagram("y\u00e9s", to.local()), from.receive());
      from.send(to.local(), "again", 50);
      assertEquals(50, to.receive(50, Duration.ofSeconds(5)).size());
      assertEquals(Optional.empty(), to.receive(SHORTLY));
    }
  }

  @ParameterizedTest
  @EnumSource
  void whatIsLongerThanTheMtu_isSentInFragments(Family family) {
    try (Lab lab = Lab.create();
        Peer client = Peer.start(lab, Lab.Host.CLIENT);
        Peer server = Peer.start(lab, Lab.Host.SERVER);
        Datagrams from = client.datagrams(family.client(), 0);
        Datagrams to = server.datagrams(family.server(), 5959)) {
      Capture capture = Capture.start(lab, Lab.Host.SERVER, "s0", "ip or ip6");
      String text = "0123456789".repeat(400);
      from.send(to.local(), text);
      assertEquals(new Datagram(text, from.local()), to.receive());
      // of more than one fragment, the last
      capture.awaitText(family == Family.V4 ? "offset 2960" : ":2896|1112)");
    }
  }

  @ParameterizedTest
  @EnumSource
  void forgedDatagrams_areWhatTheTestSays(Family family) {
    try (Lab lab = Lab.create();
        Peer client = Peer.start(lab, Lab.Host.CLIENT);
        Peer server = Peer.start(lab, Lab.Host.SERVER);
        Datagrams to = server.datagrams(family.server(), 5959)) {
      Endpoint somebody = new Endpoint(family == Family.V4 ? "192.0.2.7" : "2001:db8:9::7", 777);
      ForgedDatagram plain = new ForgedDatagram(somebody, to.local(), "forged");
      client.forge(plain);
      assertEquals(new Datagram("forged", somebody), to.receive());
      client.forge(plain.with(ForgedDatagram.Checksum.WRONG));
      assertEquals(Optional.empty(), to.receive(SHORTLY));

      // no operation, and end of list; or padding
      client.forge(plain.withOptions(family == Family.V4 ? "01010100" : "010200000000"));
      assertEquals("forged", to.receive().data());

      ForgedDatagram longer = new ForgedDatagram(somebody, to.local(), "0123456789".repeat(10));
      client.forge(longer.inFragments(7, 40, 2, 0, 1));
      assertEquals(longer.data(), to.receive().data());
      client.forge(longer.inFragments(8, 40, 0, 2));
      assertEquals(Optional.empty(), to.receive(SHORTLY));
      client.forge(longer.inFragments(8, 40, 1));
      assertEquals(longer.data(), to.receive().data());

      if (family == Family.V4) {
        Capture capture = Capture.start(lab, Lab.Host.SERVER, "s0", "udp");
        client.forge(plain.with(ForgedDatagram.Checksum.NONE).withDontFragment());
        assertEquals("forged", to.receive().data());
        String text = capture.awaitText("[no cksum]");
        assertTrue(text.contains("[DF]"), text);
      }
    }
  }

  /** A receiver that waits for more than there is says what there was. */
  @ParameterizedTest
  @EnumSource
  void receive_endsWithItsTime(Family family) {
    try (Lab lab = Lab.create();
        Peer server = Peer.start(lab, Lab.Host.SERVER);
        Datagrams one = server.datagrams(family.server(), 0)) {
      one.send(one.local(), "to myself");
      List<Datagram> came = one.receive(2, SHORTLY);
      assertEquals(List.of(new Datagram("to myself", one.local())), came);
    }
  }
}
