package org.pinholed.helper;

/** The maps that all flows of one protocol share. Outlives flows and configurations. */
public interface SharedState {
  /**
   * A map of this protocol.
   *
   * @param name its name within the protocol, lower camel case
   * @param most how many {@linkplain SharedMap.Codec#places places} it has for new keys,
   *     1..1048576; the last one that says so counts. For values that grow there is a quarter more
   * @param codec hands its values over to the next process
   * @param <V> its values
   * @return the same map for the same name
   */
  <V> SharedMap<V> map(String name, int most, SharedMap.Codec<V> codec);
}
