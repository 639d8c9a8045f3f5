package org.pinholed.helper.sip.sdp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.sdp.SdpDescription.Stream;
import org.pinholed.helper.sip.words.SipReason;

class SdpDescriptionTest {
  private static SdpDescription of(String withBars) {
    return SdpText.described(SdpText.read(SdpText.lines(withBars)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "c=IN IP4 192.0.8.10 | m=audio 4000 RTP/AVP 0;R:334@wAAICg+",
        "c=IN IP4 192.0.8.10 | m=audio 4000 RTP/AVP 0 | m=video 4002 RTP/AVP 9 | a=rtcp-mux;"
            + "R:334@wAAICg+,Rm:336+",
        "c=IN IP4 192.0.8.10 | m=audio 65535 RTP/AVP 0 | a=rtcp:65533 IN IP4 192.0.8.11 | a=inactive;"
            + "Rh:1ekf@wAAICg+1ekd@wAAICw",
        "c=IN IP4 0.0.0.0 | m=audio 4000 RTP/AVP 0;Rh:334?+",
        "m=image 0 udptl t38;U:0?",
        "m=audio 4000 RTP/AVP 0;!SDP_NO_CONNECTION",
        "c=IN IP6 2001:db8::1 | m=message 9 TCP/MSRP * | a=setup:active;"
            + "Tc:9@IAENuAAAAAAAAAAAAAAAAQ",
        "c=IN IP4 192.0.8.10 | m=video 4000/3 RTP/AVP 0;R:334*3@wAAICg+",
        "'';''"
      })
  void text(String lines, String text) {
    assertEquals(text, of(lines).toText());
    assertEquals(of(lines), SdpDescription.ofText(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "R",
        "R:",
        "R:334",
        "Q:334?",
        "R:334?,",
        ",R:334?",
        "R:334?x",
        "R:1ekg?",
        "R:zzzzz?",
        "R:334@",
        "R:334@wAAIC",
        "R:334@wAAICgA",
        "R:334*?",
        "R:334?^0^",
        "R:334?^1",
        "R:334?^",
        "Rcm:334?",
        "R334?",
        "R:-1?",
        "R:334? ",
        "R:334?+^",
        "R:334?+1ekg"
      })
  void whatIsNotUnderstood_isNull(String text) {
    assertNull(SdpDescription.ofText(text));
  }

  @Test
  void moreStreamsThanAnybodyReads_areNotUnderstood() {
    String many = "R:334?,".repeat(63);
    SdpDescription most = SdpDescription.ofText(many + "R:334?");
    assertEquals(64, most == null ? 0 : most.streams().size());
    assertNull(SdpDescription.ofText(many + "R:334?,R:334?"));
  }

  /** So that an older process refuses what a newer one refused. */
  @Test
  void aReasonThatIsNotKnown_isRefusedAllTheSame() {
    SdpDescription read = SdpDescription.ofText("!SDP_OF_TOMORROW,R:334?");
    assertEquals(
        List.of("sdpMedia", "RTP nowhere:4000"),
        List.of(SdpText.words(read == null ? new SdpDescription(List.of()) : read).split(" \\| ")));
  }

  @Test
  void whatCanBeOpened_hasAnAddressAndAPort() {
    List<Stream> streams =
        of("c=IN IP4 192.0.2.1 | m=audio 4000 RTP/AVP 0 | m=video 0 RTP/AVP 9 | m=image 9 TCP t38"
                + " | a=setup:active | m=text 4002 RTP/AVP 9 | c=IN IP4 0.0.0.0 | m=x 1 y z")
            .streams();
    assertTrue(streams.get(0).canOpen());
    assertEquals(Transport.UDP, streams.get(0).kind().transport());
    assertFalse(streams.get(0).isOff());
    assertTrue(streams.get(1).isOff());
    assertFalse(streams.get(1).canOpen());
    assertFalse(streams.get(2).canOpen());
    assertEquals(Transport.TCP, streams.get(2).kind().transport());
    assertFalse(streams.get(3).canOpen());
    assertFalse(streams.get(3).isOff());
    assertFalse(streams.get(4).canOpen());
    assertFalse(streams.get(4).isOff());
    assertNull(streams.get(4).kind().transport());
  }

  @Test
  void oneAddress_isOneObject() {
    List<Stream> streams =
        of("c=IN IP4 192.0.2.1 | m=audio 4000 RTP/AVP 0 | m=x 1 y z | m=video 4002 RTP/AVP 9 |"
                + " c=IN IP4 192.0.2.1 | a=rtcp:4004 IN IP4 192.0.2.1")
            .streams();
    assertSame(streams.get(0).address(), streams.get(2).address());
    assertNull(streams.get(2).rtcpAddress());
  }

  @Test
  void whatItIsMadeOf_doesNotChangeIt() {
    List<Stream> streams = new ArrayList<>(of("m=audio 0 RTP/AVP 0").streams());
    SdpDescription description = new SdpDescription(streams);
    streams.clear();
    assertEquals(1, description.streams().size());
  }

  @Test
  void numbersOutsideTheirRange_areRefused() {
    assertThrows(IllegalArgumentException.class, () -> stream(65536, 1, 0, -1));
    assertThrows(IllegalArgumentException.class, () -> stream(1, 0, 0, -1));
    assertThrows(IllegalArgumentException.class, () -> stream(1, 1, 65536, -1));
    assertThrows(IllegalArgumentException.class, () -> stream(1, 1, 0, 64));
  }

  private static Stream stream(int port, int count, int rtcpPort, int bundledInto) {
    return new Stream(
        StreamKind.RTP, null, port, count, null, rtcpPort, false, false, false, bundledInto, null);
  }

  @Provide
  Arbitrary<InetAddress> addresses() {
    return Arbitraries.bytes()
        .array(byte[].class)
        .ofSize(16)
        .map(bytes -> address(bytes[0] % 2 == 0 ? bytes : Arrays.copyOf(bytes, 4)));
  }

  private static InetAddress address(byte[] bytes) {
    try {
      return InetAddress.getByAddress(bytes);
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  @Provide
  Arbitrary<Stream> streams() {
    Arbitrary<Integer> ports = Arbitraries.integers().between(0, 65535);
    Arbitrary<Stream> streams =
        Combinators.combine(
                Arbitraries.of(StreamKind.values()),
                addresses(),
                ports,
                addresses(),
                ports,
                Arbitraries.integers().between(0, 31),
                Arbitraries.integers().between(-1, 0))
            .as(
                (kind, address, port, rtcpAddress, rtcpPort, flags, bundledInto) ->
                    new Stream(
                        kind,
                        (flags & 8) != 0 ? null : address,
                        port,
                        1 + port % 3,
                        rtcpPort == 0 || (flags & 16) != 0 ? null : rtcpAddress,
                        rtcpPort,
                        (flags & 1) != 0,
                        (flags & 2) != 0,
                        (flags & 4) != 0,
                        bundledInto,
                        null));
    return Arbitraries.oneOf(streams, Arbitraries.of(SipReason.values()).map(Stream::refused));
  }

  @Provide
  Arbitrary<List<Stream>> lists() {
    return streams().list().ofMaxSize(16);
  }

  @Property
  void textAndBack_isTheSame(@ForAll("lists") List<Stream> streams) {
    SdpDescription description = new SdpDescription(streams);
    String text = description.toText();
    assertEquals(description, SdpDescription.ofText(text));
    assertFalse(text.contains(" "), text);
    assertTrue(text.length() <= 75 * streams.size(), text);
  }

  /** Streams that phones offer: what is handed over of 16 of them is small. */
  @ParameterizedTest
  @CsvSource({"IN IP4 198.51.100.10,25", "IN IP6 2001:db8:1234:5678:9abc:def0:1234:5678,25"})
  void theText_isSmall(String connection, int charactersPerStream) {
    StringBuilder lines = new StringBuilder("c=" + connection);
    for (int at = 0; at < 16; at++) {
      lines.append(" | m=audio ").append(60000 + at * 2).append(" RTP/AVP 0 | a=rtcp-mux");
    }
    String text = of(lines.toString()).toText();
    assertTrue(text.length() <= charactersPerStream * 16, text);
  }
}
