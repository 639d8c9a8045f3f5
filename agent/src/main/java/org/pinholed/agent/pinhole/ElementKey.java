package org.pinholed.agent.pinhole;

/**
 * What makes two pinholes the same element of the kernel, whatever else they say.
 *
 * @param kind which map it is in
 * @param key its key there
 */
public record ElementKey(Pinhole.Kind kind, PinholeKey key) {
  /**
   * The element of a pinhole.
   *
   * @param pinhole a pinhole
   * @return its map and key
   */
  public static ElementKey of(Pinhole pinhole) {
    return new ElementKey(pinhole.kind(), PinholeKey.of(pinhole));
  }
}
