package org.pinholed.helper.dcerpc.opening;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.SharedMap;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.Transport;

/** What is learned of servers, and what the host of a string binding is. */
class LearnedTest {
  private static final long HOUR_NS = Duration.ofHours(1).toNanos();

  private final Kept kept = new Kept();
  private final Learned learned = new Learned(kept, server(), Duration.ofHours(1));

  /** Maps without time or bounds. */
  private static final class Kept implements SharedState {
    private SharedMap.@Nullable Codec<Object> codec;
    private final Map<OwnerId, Object> values = new HashMap<>();

    @Override
    @SuppressWarnings("unchecked") // there is one map
    public <V> SharedMap<V> map(String name, int most, SharedMap.Codec<V> howToWrite) {
      codec = (SharedMap.Codec<Object>) howToWrite;
      return new SharedMap<>() {
        @Override
        public @Nullable V get(OwnerId key, long nowNs) {
          return (V) values.get(key);
        }

        @Override
        public boolean change(OwnerId key, long nowNs, TimedChange<V> change) {
          values.put(key, Objects.requireNonNull(change.of(get(key, nowNs))).value());
          return true;
        }

        @Override
        public int size() {
          return values.size();
        }
      };
    }
  }

  private static InetAddress server() {
    try {
      return InetAddress.getByName("203.0.113.10");
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  private static Learned.Port port(Transport transport, int number, long high, long low, long at) {
    return new Learned.Port(transport, number, high, low, 1 << 16, at);
  }

  @Test
  void aPortThatIsSaidAgain_isOne_andOthersAreOthers() {
    learned.announced(port(Transport.TCP, 50000, 1, 2, 0));
    learned.announced(port(Transport.TCP, 50000, 1, 2, 5));
    assertEquals(List.of(port(Transport.TCP, 50000, 1, 2, 5)), learned.ports(6));
    learned.announced(port(Transport.UDP, 50000, 1, 2, 7));
    learned.announced(port(Transport.TCP, 50001, 1, 2, 7));
    learned.announced(port(Transport.TCP, 50000, 3, 2, 7));
    learned.announced(port(Transport.TCP, 50000, 1, 4, 7));
    assertEquals(5, learned.ports(8).size());
  }

  @Test
  void whatIsOldIsForgotten_andThereAreSixtyFourAtMost() {
    learned.announced(port(Transport.TCP, 50000, 1, 2, 0));
    assertEquals(1, learned.ports(HOUR_NS - 1).size());
    assertEquals(0, learned.ports(HOUR_NS).size());
    for (int number = 0; number < 70; number++) {
      learned.announced(port(Transport.TCP, 51000 + number, 1, 2, HOUR_NS + number));
    }
    assertEquals(64, learned.ports(HOUR_NS + 70).size());
    assertEquals(51006, learned.ports(HOUR_NS + 70).get(0).number());
  }

  @Test
  void anotherProcess_knowsThem() {
    List<Learned.Port> ports =
        List.of(port(Transport.TCP, 50000, -1, 2, 0), port(Transport.UDP, 1, 1, Long.MIN_VALUE, 0));
    SharedMap.Codec<Object> codec = Objects.requireNonNull(kept.codec);
    assertEquals(ports, codec.read(codec.write(ports, 0), 0));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "x.1.1.1.1.1",
        "t.0.1.1.1.1",
        "t.10000.1.1.1.1",
        "t.1.1.1.1",
        "t.g.1.1.1.1",
        "t.1.1.1.1.-1",
        "t.1.1.1.1.fffffffff",
        "t.1.1.1.1.1,"
      })
  void whatIsNone_isNotUnderstood(String text) {
    assertNull(Objects.requireNonNull(kept.codec).read(text, 0));
  }

  @Test
  void tooMany_areNotUnderstood() {
    String text = "t.1.1.1.1.1,".repeat(64) + "t.1.1.1.1.1";
    assertNull(Objects.requireNonNull(kept.codec).read(text, 0));
  }

  @ParameterizedTest
  @ValueSource(strings = {"srv", "SRV01.example", "a1.2"})
  void names_areNames(String text) {
    assertTrue(HostText.isName(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "1", "1.2.3", "1.2.3.4", "0x7f000001", "0X7F.1", "2001:db8::1", "a%1", "[a"})
  void whatCouldBeAnAddress_isNoName(String text) {
    assertFalse(HostText.isName(text));
  }

  @Test
  void addresses_areRead() {
    assertEquals(server(), HostText.address("203.0.113.10"));
    assertNull(HostText.address("203.0.113.10x"));
    assertNull(HostText.address("203.0.113"));
    assertNull(HostText.address("2001:db8::1x"));
  }
}
