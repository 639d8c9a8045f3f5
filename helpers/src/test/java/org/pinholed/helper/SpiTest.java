package org.pinholed.helper;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.time.Duration;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.helper.ftp.FtpReason;
import org.pinholed.helper.ftp.FtpWord;

class SpiTest {
  private static final InetAddress V4 = address(192, 0, 2, 1);
  private static final InetAddress V6 =
      address(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

  private static InetAddress address(int... octets) {
    byte[] bytes = new byte[octets.length];
    for (int at = 0; at < octets.length; at++) {
      bytes[at] = (byte) octets[at];
    }
    try {
      return InetAddress.getByAddress(bytes);
    } catch (java.net.UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void endpoint_isWrittenAsUsual() {
    assertEquals("192.0.2.1:21", new Endpoint(V4, 21).toString());
    assertEquals("[2001:db8::1]:0", new Endpoint(V6, 0).toString());
    assertFalse(new Endpoint(V4, 65535).isIpv6());
    assertTrue(new Endpoint(V6, 1).isIpv6());
  }

  @Test
  void direction_hasAnOpposite() {
    assertSame(Direction.REPLY, Direction.ORIGINAL.opposite());
    assertSame(Direction.ORIGINAL, Direction.REPLY.opposite());
  }

  @Test
  void transport_hasTheNumbersOfTheIpHeader() {
    assertEquals(6, Transport.TCP.protocolNumber());
    assertEquals(17, Transport.UDP.protocolNumber());
  }

  @Test
  void flowFacts_knowBothSidesOfATranslation() {
    Endpoint client = new Endpoint(V4, 1);
    Endpoint clientSeen = new Endpoint(V4, 2);
    Endpoint server = new Endpoint(V4, 3);
    Endpoint serverSeen = new Endpoint(V4, 4);
    FlowFacts facts =
        new FlowFacts(
            Transport.TCP, client, clientSeen, server, serverSeen, FlowFacts.Origin.FIRST_BYTE);
    assertSame(client, facts.sender(Direction.ORIGINAL));
    assertSame(server, facts.sender(Direction.REPLY));
    assertSame(clientSeen, facts.senderSeenByPeer(Direction.ORIGINAL));
    assertSame(serverSeen, facts.senderSeenByPeer(Direction.REPLY));
  }

  @ParameterizedTest
  @CsvSource({"PORT_BELOW_1024,portBelow1024", "TLS,tls", "A__B,aB", "NOT_FTP,notFtp"})
  void words_areLowerCamel(String name, String word) {
    assertEquals(word, Words.lowerCamel(name));
  }

  @Test
  void reasonWord_isTheName() {
    assertEquals("portBelow1024", FtpReason.PORT_BELOW_1024.word());
  }

  @Nested
  class Requests {
    private ExpectationRequest.Builder builder() {
      return ExpectationRequest.builder(
          "data", Direction.REPLY, new Endpoint(V4, 2000), FtpWord.REPLY_227);
    }

    @Test
    void byDefault_oneTcpConnectionFromThePeerAtOnce() {
      ExpectationRequest request = builder().build();
      assertEquals("data", request.group());
      assertSame(Direction.REPLY, request.announcedIn());
      assertEquals(new Endpoint(V4, 2000), request.destination());
      assertSame(FtpWord.REPLY_227, request.cause());
      assertSame(Transport.TCP, request.transport());
      assertSame(ExpectationRequest.Source.PEER, request.source());
      assertNull(request.sourceAddress());
      assertSame(ExpectationRequest.Use.ONCE, request.use());
      assertSame(Lifetime.CONFIGURED, request.lifetime());
      assertNull(request.owner());
      assertEquals("", request.item());
      assertFalse(request.isRead());
      assertEquals(2000, request.lastPort());
      assertEquals(0, request.usualSourcePort());
      assertTrue(request.active());
      assertEquals(0, request.streamOffset());
    }

    @Test
    void canBeAnythingElse() {
      ExpectationRequest request =
          builder()
              .transport(Transport.UDP)
              .from(V6)
              .many()
              .lifetime(new Lifetime.Fixed(Duration.ofSeconds(5)))
              .inactive()
              .usualSourcePort(65535)
              .streamOffset(7)
              .build();
      assertSame(Transport.UDP, request.transport());
      assertSame(ExpectationRequest.Source.ADDRESS, request.source());
      assertEquals(V6, request.sourceAddress());
      assertSame(ExpectationRequest.Use.MANY, request.use());
      assertEquals(new Lifetime.Fixed(Duration.ofSeconds(5)), request.lifetime());
      assertFalse(request.active());
      assertEquals(65535, request.usualSourcePort());
      assertEquals(7, request.streamOffset());
      assertSame(ExpectationRequest.Source.ANY, builder().fromAny().many().build().source());
    }
  }

  @Nested
  class Refuses {
    private String message(Runnable action) {
      return String.valueOf(assertThrows(IllegalArgumentException.class, action::run).getMessage());
    }

    @Test
    void portsOutsideTheirRange() {
      assertEquals("port: -1 (expected: 0..65535)", message(() -> new Endpoint(V4, -1)));
      assertEquals("port: 65536 (expected: 0..65535)", message(() -> new Endpoint(V4, 65536)));
    }

    @Test
    void requestsThatCannotBe() {
      Endpoint any = new Endpoint(V4, 0);
      Endpoint some = new Endpoint(V4, 1);
      Direction way = Direction.REPLY;
      FtpWord cause = FtpWord.PORT;
      assertEquals(
          "destination port: 0 (expected: 1..65535)",
          message(() -> ExpectationRequest.builder("k", way, any, cause)));
      assertEquals(
          "group: 0 characters (expected: 1..46 printable ones of ASCII, no space)",
          message(() -> ExpectationRequest.builder("", way, some, cause)));
      assertEquals(
          "group: 47 characters (expected: 1..46 printable ones of ASCII, no space)",
          message(() -> ExpectationRequest.builder("k".repeat(47), way, some, cause)));
      ExpectationRequest.Builder builder =
          ExpectationRequest.builder("k".repeat(46), way, some, cause);
      assertEquals(
          "time: PT0S (expected: above zero, 366 days at most)",
          message(() -> new Lifetime.Fixed(Duration.ZERO)));
      assertEquals(
          "fromNow: PT-1S (expected: above zero, 366 days at most)",
          message(() -> new Lifetime.Until(Duration.ofSeconds(-1))));
      assertEquals(
          "item: 9 characters (expected: 0..8 printable ones of ASCII, no space)",
          message(() -> builder.item("123456789")));
      assertEquals(
          "lifetime: without end (expected: an end, of an owner)",
          message(
              () ->
                  ExpectationRequest.builder("k", way, some, cause)
                      .owner(new OwnerId(1, 2))
                      .lifetime(new Lifetime.WithOwner(null))
                      .build()));
      assertEquals(
          "item: 1 characters (expected: with its group 46 or less)",
          message(
              () ->
                  ExpectationRequest.builder("k".repeat(46), way, some, cause).item("i").build()));
      assertEquals(
          "use: ONCE (expected: MANY, from any source)",
          message(() -> ExpectationRequest.builder("k", way, some, cause).fromAny().build()));
      for (int port : new int[] {0, 65536}) {
        assertEquals(
            "usual source port: " + port + " (expected: 1..65535)",
            message(() -> builder.usualSourcePort(port)));
      }
    }

    @ParameterizedTest
    @CsvSource({
      "255,1024,1,0,lineBytes: 255 (expected: 256..65536)",
      "65537,99999,1,0,lineBytes: 65537 (expected: 256..65536)",
      "256,1023,1,0,streamBufferBytes: 1023 (expected: 1024..1048576)",
      "2000,1999,1,0,streamBufferBytes: 1999 (expected: 2000..1048576)",
      "256,1048577,1,0,streamBufferBytes: 1048577 (expected: 1024..1048576)",
      "256,1024,0,0,earlySegments: 0 (expected: 1..1024)",
      "256,1024,1025,0,earlySegments: 1025 (expected: 1..1024)",
      "256,1024,1,-1,historyBytes: -1 (expected: 0..65536)",
      "256,1024,1,65537,historyBytes: 65537 (expected: 0..65536)"
    })
    void limitsOutsideTheirRanges(int line, int buffer, int early, int history, String expected) {
      assertEquals(expected, message(() -> new HelperLimits(line, buffer, early, history)));
    }
  }

  @Nested
  class Owners {
    private final OwnerId.Digest dialogs = new OwnerId.Digest("dialog");

    private OwnerId owner(String... parts) {
      byte[][] bytes = new byte[parts.length][];
      for (int at = 0; at < parts.length; at++) {
        bytes[at] = parts[at].getBytes(java.nio.charset.StandardCharsets.US_ASCII);
      }
      return dialogs.of(bytes);
    }

    @Test
    void nameIsTheSameForTheSamePartsOnly() {
      assertEquals(owner("a", "b"), owner("a", "b"));
      assertNotEquals(owner("a", "b"), owner("ab"));
      assertNotEquals(owner("a", "b"), owner("ab", ""));
      assertNotEquals(owner("a"), new OwnerId.Digest("registration").of(new byte[] {'a'}));
    }

    @Test
    void textIsReadBack() {
      for (String each : new String[] {"", "x", "call-1", "call-2"}) {
        OwnerId owner = owner(each);
        assertEquals(16, owner.text().length());
        assertEquals(owner, OwnerId.parse(owner.text()));
        assertTrue(owner.text().matches("[A-Za-z0-9_-]{16}"));
      }
      assertEquals("AAAAAAAAAAAAAAAB", new OwnerId(0, 1).text());
      assertEquals("________________", new OwnerId(-1, -1).text());
      assertEquals(new OwnerId(-1, -1), OwnerId.parse("________________"));
      assertEquals("gAAAAAAAAAAAAAAA", new OwnerId(Long.MIN_VALUE, 0).text());
    }

    @Test
    void otherTextIsNoName() {
      assertNull(OwnerId.parse(""));
      assertNull(OwnerId.parse("AAAAAAAAAAAAAAA"));
      assertNull(OwnerId.parse("AAAAAAAAAAAAAAA="));
    }

    @Test
    void haveAnOrder() {
      assertTrue(new OwnerId(0, 1).compareTo(new OwnerId(0, -1)) < 0);
      assertTrue(new OwnerId(-1, 0).compareTo(new OwnerId(1, 0)) > 0);
      assertEquals(0, new OwnerId(5, 6).compareTo(new OwnerId(5, 6)));
    }
  }
}
