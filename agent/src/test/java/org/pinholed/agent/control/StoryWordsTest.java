package org.pinholed.agent.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.view.StoryFilter;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;
import org.pinholed.helper.text.Network;

class StoryWordsTest {
  private static final Network CLIENT = Objects.requireNonNull(Network.parse("198.51.100.2"));

  private static Endpoint endpoint(String address, int port) {
    return new Endpoint(new InetSocketAddress(address, 0).getAddress(), port);
  }

  @Test
  void last_isOne() throws ControlError {
    assertEquals(
        new StoryFilter(null, null, null, null, null, null, 1), StoryWords.parse("last", 10));
    assertTrue(StoryWords.parse(" last ", 10).isLast());
  }

  @Test
  void eightHexDigits_areASerial_fewerDigitsANumber() throws ControlError {
    assertEquals(
        new StoryFilter("0000e39a", null, null, null, null, null, 10),
        StoryWords.parse("0000E39A", 10));
    assertEquals(new StoryFilter(null, 7L, null, null, null, null, 10), StoryWords.parse("7", 10));
    assertEquals(
        new StoryFilter(null, 12345678L, null, null, null, null, 10),
        StoryWords.parse("#12345678", 10));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "tcp 198.51.100.2 > 203.0.113.2:40000",
        "tcp 198.51.100.2 203.0.113.2:40000",
        "tcp 198.51.100.2:51000->203.0.113.2:40000",
        "tcp 198.51.100.2:* -> 203.0.113.2:40000"
      })
  void child_inEachForm(String words) throws ControlError {
    assertEquals(
        new StoryFilter(
            null, null, Transport.TCP, null, CLIENT, endpoint("203.0.113.2", 40000), 10),
        StoryWords.parse(words, 10));
  }

  @Test
  void destinationAlone_addressAlone_network_bothFamilies() throws ControlError {
    assertEquals(
        new StoryFilter(null, null, null, null, null, endpoint("203.0.113.2", 40000), 10),
        StoryWords.parse("203.0.113.2:40000", 10));
    assertEquals(
        new StoryFilter(null, null, Transport.UDP, null, null, endpoint("2001:db8::2", 40000), 10),
        StoryWords.parse("udp [2001:db8::2]:40000", 10));
    assertEquals(
        new StoryFilter(null, null, null, Network.parse("2001:db8::2"), null, null, 10),
        StoryWords.parse("2001:db8::2", 10));
    assertEquals(
        new StoryFilter(null, null, null, Network.parse("198.51.100.0/24"), null, null, 10),
        StoryWords.parse("198.51.100.0/24", 10));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "yesterday",
        "tcp",
        "1.2.3",
        ":21",
        "]:21",
        "[:21",
        "203.0.113.2:99999",
        "a b c d",
        "198.51.100.2 203.0.113.2",
        "#",
        "\u0000"
      })
  void anythingElse_isRefusedWithWhatIsExpected(String words) {
    ControlError error = assertThrows(ControlError.class, () -> StoryWords.parse(words, 10));
    String message = String.valueOf(error.getMessage());
    assertTrue(message.contains("expected: last, a serial"), message);
  }
}
