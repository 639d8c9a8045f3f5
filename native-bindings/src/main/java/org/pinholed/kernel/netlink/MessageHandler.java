package org.pinholed.kernel.netlink;

/** Takes the messages of an answer, one call each, on the thread that asked. */
@FunctionalInterface
public interface MessageHandler {
  /**
   * Called with the reader on one message, before its family header.
   *
   * @param message valid during the call only; offsets and slices too, because the buffer is filled
   *     again afterwards
   */
  void onMessage(NetlinkReader message);
}
