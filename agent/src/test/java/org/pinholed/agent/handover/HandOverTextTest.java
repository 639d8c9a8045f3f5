package org.pinholed.agent.handover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.expectation.KeptOwner;
import org.pinholed.agent.flow.FlowDevices;
import org.pinholed.agent.flow.FlowState;
import org.pinholed.agent.flow.HalfOpenState;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.shared.SharedEntry;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;

/** Flows of datagrams, and what outlives flows, as the next process is told of them. */
class HandOverTextTest {
  private static final int UDP = 17;
  private static final InetAddress PHONE = address("192.0.2.10");
  private static final InetAddress PROXY = address("198.51.100.7");
  private static final InetAddress ROUTER = address("203.0.113.1");
  private static final InetAddress PHONE_V6 = address("2001:db8::10");
  private static final InetAddress PROXY_V6 = address("2001:db8:1::7");
  private static final OwnerId DIALOG = new OwnerId(-1, Integer.MIN_VALUE);

  /** Translated, so that its tuples differ; what it announced waits for an answer. */
  private static final FlowState TRANSLATED =
      new FlowState(
          new ConntrackIdentity(
              -2,
              new FlowTuple(UDP, PHONE, 5060, PROXY, 5060),
              new FlowTuple(UDP, PROXY, 5060, ROUTER, 40_000),
              0),
          FlowFacts.Origin.FIRST_BYTE,
          700,
          1L << 40,
          -1,
          -1,
          "voip1 \"line\"\r\n\u00e9",
          List.of(
              media(Pinhole.Kind.OPEN, PROXY, new Endpoint(PHONE, 30_000)),
              media(Pinhole.Kind.OPEN_ANY, null, new Endpoint(PHONE, 30_001))),
          null,
          null,
          3,
          FlowDevices.LOCAL,
          false,
          false);

  private static final FlowState PLAIN_V6 =
      new FlowState(
          new ConntrackIdentity(
              7,
              new FlowTuple(UDP, PHONE_V6, 5060, PROXY_V6, 5060),
              new FlowTuple(UDP, PROXY_V6, 5060, PHONE_V6, 5060),
              0),
          FlowFacts.Origin.RESUMED,
          0,
          1,
          -1,
          -1,
          "",
          List.of(),
          null,
          null,
          0,
          0,
          false,
          false);

  private static final HandOver WHOLE =
      new HandOver(
          4711,
          List.of(new HandOver.Queue(0, 5), new HandOver.Queue(1, 6)),
          List.of(TRANSLATED, PLAIN_V6),
          HalfOpenState.NONE,
          new HandOver.Beyond(
              List.of(new SharedEntry("voip", "dialogs", DIALOG, 1800_000, "early 2")),
              List.of(media(Pinhole.Kind.OPEN, PROXY, null)),
              List.of(),
              List.of(new KeptOwner("voip", DIALOG, 31_500, true))));

  private static InetAddress address(String numeric) {
    return new InetSocketAddress(numeric, 0).getAddress();
  }

  private static Pinhole media(
      Pinhole.Kind kind, @Nullable InetAddress source, @Nullable Endpoint inside) {
    return new Pinhole(
        kind,
        Transport.UDP,
        source,
        ROUTER,
        40_002,
        0x4000_0019,
        60_000,
        "2 voip 000000071 a b",
        inside == null ? null : new ChildTranslation(inside, source == null ? null : ROUTER));
  }

  @Test
  void flowsOfDatagrams_andWhatOutlivesFlows_comeBackAsTheyWere() throws IOException {
    String line = HandOverText.write(WHOLE);
    assertFalse(line.strip().contains("\n"), line);
    assertEquals(WHOLE, HandOverText.read(line, List.of(5, 6)));
  }

  @Test
  void flowThatDoesNotSayWhoClosed_isOpen() throws IOException {
    String line =
        HandOverText.write(WHOLE)
            .replace("\"clientClosed\":false,", "")
            .replace(",\"serverClosed\":false", "");
    assertFalse(line.contains("Closed"), line);
    assertEquals(WHOLE, HandOverText.read(line, List.of(5, 6)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"17 c000020a 5060 c6336407 5060\"|\"17 c000020a 5060 c6336407\"",
        "\"17 c000020a 5060 c6336407 5060\"|\"17 c000020a 65536 c6336407 5060\"",
        "\"17 c000020a 5060 c6336407 5060\"|\"17 c0000 5060 c6336407 5060\"",
        "\"17 c000020a 5060 c6336407 5060\"|\"17 phone 5060 proxy 5060\"",
        "\"FIRST_BYTE\"|\"LAST_BYTE\"",
        "\"transport\":\"UDP\"|\"transport\":\"PIGEON\"",
        "\"port\":40002|\"port\":70000"
      })
  void whatNobodyUnderstands_isRefusedAsAWhole(String change) {
    String[] parts = change.split("\\|", 2);
    String line = HandOverText.write(WHOLE);
    String damaged = line.replace(parts[0], parts[1]);
    assertFalse(damaged.equals(line), () -> parts[0] + " is not in " + line);
    assertThrows(IOException.class, () -> HandOverText.read(damaged, List.of(5, 6)));
  }

  @Test
  void fewerDescriptorsThanQueues_isRefused() {
    String line = HandOverText.write(WHOLE);
    assertThrows(IOException.class, () -> HandOverText.read(line, List.of(5)));
  }
}
