package org.pinholed.agent.pinhole.nftables;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.HashMap;
import java.util.Map;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeKey;
import org.pinholed.helper.Endpoint;
import org.pinholed.kernel.nftables.NftElementView;

/**
 * The translations of children that stand in the kernel, as they were read from {@link
 * TranslationMaps}: by the keys that pinholes have too.
 */
final class FoundTranslations {
  private final Map<PinholeKey, Endpoint> destinations = new HashMap<>();
  private final Map<PinholeKey, InetAddress> sources = new HashMap<>();

  /** Takes an element that translates a destination, with a key of one address or two. */
  void destination(NftElementView element, int length, boolean withSource) {
    byte[] port = element.valueBytes(length, 2);
    int number = (port[0] & 0xff) << 8 | (port[1] & 0xff);
    destinations.put(
        key(element, length, withSource, false), new Endpoint(value(element, length), number));
  }

  /** Takes an element that translates a source. */
  void source(NftElementView element, int length) {
    sources.put(key(element, length, true, false), value(element, length));
  }

  /** Takes an element that translates one side of a lease's children. */
  void leased(NftElementView element, int length, boolean destination) {
    PinholeKey key = key(element, length, true, true);
    if (!destination) {
      sources.put(key, value(element, length));
    } else if (key.port() > 0) { // anybody with the privilege can add elements of any kind
      destinations.put(key, new Endpoint(value(element, length), key.port()));
    }
  }

  private static PinholeKey key(
      NftElementView element, int length, boolean withSource, boolean lease) {
    int destinationAt = withSource ? 4 + length : 4;
    int port = element.key16be(destinationAt + length);
    return new PinholeKey(
        element.key8(0),
        withSource ? address(element.keyBytes(4, length)) : null,
        address(element.keyBytes(destinationAt, length)),
        port,
        lease ? element.key16be(destinationAt + length + 4) : port);
  }

  private static InetAddress value(NftElementView element, int length) {
    return address(element.valueBytes(0, length));
  }

  private static InetAddress address(byte[] bytes) {
    try {
      return InetAddress.getByAddress(bytes);
    } catch (UnknownHostException e) {
      throw new IllegalStateException(e); // thrown for other lengths than 4 and 16 only
    }
  }

  /** A pinhole with the translation of its child, if there is one. */
  Pinhole complete(Pinhole pinhole) {
    PinholeKey outside = PinholeKey.of(pinhole);
    Endpoint inside = destinations.get(outside);
    InetAddress source = sources.get(outside);
    if (inside == null && source == null) {
      return pinhole;
    }
    return pinhole.withTranslation(new ChildTranslation(inside, source));
  }
}
