package org.pinholed.kernel.nftables;

/** Takes the elements of a set, one call each, on the thread that asked. */
@FunctionalInterface
public interface NftElementHandler {
  /**
   * Called once for each element.
   *
   * @param element valid during the call only
   */
  void onElement(NftElementView element);
}
