package org.pinholed.helper.sip.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.policy.MediaPolicy.Place;
import org.pinholed.helper.sip.policy.SipSettings.MediaFrom;
import org.pinholed.helper.sip.words.SipWord;
import org.pinholed.helper.testkit.RecordingSink;
import org.pinholed.helper.text.Options;

/** Who may come, and where a pinhole may lead to. */
class MediaPolicyTest {
  private static final InetAddress PHONE = address("192.0.2.10");
  private static final InetAddress OUTSIDE = address("203.0.113.1");
  private static final InetAddress SERVER = address("203.0.113.10");

  private static InetAddress address(String text) {
    try {
      return InetAddress.getByName(text);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(text, e);
    }
  }

  private static MediaPolicy policy(MediaFrom media) {
    Map<String, Object> options =
        Map.of("deniedPorts", "3306", "mediaNetworks", List.of("198.51.100.64/28", "10.7.0.0/16"));
    Options read = new Options(options, options.keySet());
    SipSettings settings =
        new SipSettings(
            media,
            read.networks("mediaNetworks"),
            read.ports("deniedPorts", ""),
            true,
            false,
            Duration.ofHours(12),
            100,
            100,
            16,
            16,
            100,
            100,
            8);
    return new MediaPolicy(
        new FlowFacts(
            Transport.UDP,
            new Endpoint(PHONE, 5062),
            new Endpoint(OUTSIDE, 5062),
            new Endpoint(SERVER, 5060),
            new Endpoint(SERVER, 5060),
            FlowFacts.Origin.FIRST_BYTE),
        settings);
  }

  /** The other end of the flow is {@code end}; the other party's c= line names {@code named}. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "PEER     | 203.0.113.10 | 203.0.113.10  | peer",
        "PEER     | 203.0.113.10 | 198.51.100.70 | peer",
        "NETWORKS | 203.0.113.10 | 203.0.113.10  | peer",
        "NETWORKS | 203.0.113.10 | 198.51.100.70 | 198.51.100.70",
        "NETWORKS | 203.0.113.10 | 198.51.100.80 | peer",
        "NETWORKS | 203.0.113.10 | 10.7.0.1      | 10.7.0.1",
        "NETWORKS | 2001:db8::1  | 198.51.100.70 | peer",
        "ANY      | 203.0.113.10 | 198.51.100.80 | 198.51.100.80",
        "ANY      | 203.0.113.10 | 10.7.0.1      | 10.7.0.1",
        "ANY      | 203.0.113.10 | 10.0.0.1      | peer",
        "ANY      | 203.0.113.10 | 172.16.0.1    | peer",
        "ANY      | 203.0.113.10 | 172.32.0.1    | 172.32.0.1",
        "ANY      | 203.0.113.10 | 192.168.1.1   | peer",
        "ANY      | 203.0.113.10 | 192.169.1.1   | 192.169.1.1",
        "ANY      | 203.0.113.10 | 100.64.0.1    | peer",
        "ANY      | 203.0.113.10 | 100.128.0.1   | 100.128.0.1",
        "ANY      | 203.0.113.10 | 169.254.0.1   | peer",
        "ANY      | 203.0.113.10 | 169.253.0.1   | 169.253.0.1",
        "ANY      | 203.0.113.10 | 127.0.0.1     | peer",
        "ANY      | 2001:db8::1  | 2001:db8::2   | 2001:db8::2",
        "ANY      | 2001:db8::1  | fd00::2       | peer",
        "ANY      | 2001:db8::1  | fe80::2       | peer",
        "ANY      | 2001:db8::1  | ff0e::2       | peer",
        "ANY      | 2001:db8::1  | ::1           | peer",
        "ANY      | 2001:db8::1  | 203.0.113.10  | peer",
        // where the other end has such an address, it may know what others have
        "ANY      | 10.0.0.1     | 10.0.0.5      | 10.0.0.5",
        "ANY      | 10.0.0.1     | 127.0.0.1     | peer",
        "ANY      | fd00::1      | fd00::5       | fd00::5",
      })
  void source_afterTheAnswer(MediaFrom media, String end, String named, String expected) {
    MediaSource source = policy(media).after(address(named), Place.NAMED, address(end));
    MediaSource wanted =
        expected.equals("peer") ? MediaSource.PEER : MediaSource.of(address(expected));
    assertEquals(wanted, source);
  }

  @Test
  void source_ofWhatNamesNothing_orIsInside() {
    InetAddress inside = address("192.0.2.11");
    assertEquals(MediaSource.PEER, policy(MediaFrom.ANY).after(null, Place.NAMED, SERVER));
    assertEquals(
        MediaSource.of(inside), policy(MediaFrom.PEER).after(inside, Place.HAIRPIN, SERVER));
    assertEquals(MediaSource.ANY, policy(MediaFrom.ANY).beforeAnswer());
    assertEquals(MediaSource.PEER, policy(MediaFrom.NETWORKS).beforeAnswer());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "192.0.2.10     | 4000 | NAMED 192.0.2.10:4000",
        "192.0.2.10     | 1023 | portBelow1024",
        "192.0.2.10     | 3306 | portDenied",
        "203.0.113.1    | 4000 | SEEN 192.0.2.10:4000",
        "192.0.2.11     | 4000 | addressNotSender",
        "203.0.113.10   | 4000 | addressNotSender",
        "198.51.100.70  | 4000 | NAMED 198.51.100.70:4000",
        "198.51.100.80  | 4000 | addressNotSender",
        "224.0.0.1      | 4000 | addressNotSender",
        "127.0.0.1      | 4000 | addressNotSender",
        "2001:db8::10   | 4000 | addressNotSender",
      })
  void destination_ofThePhone(String named, int port, String expected) {
    MediaPolicy.Destination found =
        policy(MediaFrom.PEER)
            .media(
                new Endpoint(address(named), port),
                Transport.UDP,
                Direction.ORIGINAL,
                new RecordingSink());
    assertEquals(
        expected,
        found.refusal() == null ? found.place() + " " + found.endpoint() : found.refusal().word());
  }

  /**
   * What others see of a neighbour may be named to a phone behind the same address only, and only
   * if it was opened for one of the two.
   */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        // leaves the network of the phone
        "ORIGINAL | 203.0.113.1 | 203.0.113.10 | addressNotSender",
        "ORIGINAL | 203.0.113.1 | 192.0.2.10   | addressNotSender",
        "REPLY    | 203.0.113.1 | 203.0.113.10 | HAIRPIN 192.0.2.11:4000",
        "REPLY    | 203.0.113.1 | 192.0.2.10   | HAIRPIN 192.0.2.11:4000",
        // of a call with somebody else
        "REPLY    | 203.0.113.1 | 203.0.113.11 | addressNotSender",
        // another outside address
        "REPLY    | 203.0.113.7 | 203.0.113.10 | addressNotSender",
      })
  void destination_ofWhatOthersSeeOfANeighbour(
      Direction direction, String outside, String openedFor, String expected) {
    RecordingSink neighbours = new RecordingSink();
    neighbours.knownTo(address(openedFor)::equals);
    Endpoint seen = new Endpoint(address(outside), 4000);
    neighbours.translate(seen);
    neighbours.expect(
        ExpectationRequest.builder(
                "m", Direction.ORIGINAL, new Endpoint(address("192.0.2.11"), 4000), SipWord.INVITE)
            .owner(new OwnerId(1, 2))
            .transport(Transport.UDP)
            .many()
            .lifetime(new Lifetime.WithOwner(Duration.ofHours(1)))
            .build());
    MediaPolicy.Destination found =
        policy(MediaFrom.PEER).media(seen, Transport.UDP, direction, neighbours);
    assertEquals(
        expected,
        found.refusal() == null ? found.place() + " " + found.endpoint() : found.refusal().word());
    assertEquals(
        found, policy(MediaFrom.PEER).signalling(seen, Transport.UDP, direction, neighbours));
  }
}
