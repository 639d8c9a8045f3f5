package org.pinholed.agent.flow;

import org.pinholed.helper.Direction;

/**
 * By which devices a packet came and goes.
 *
 * @param direction its direction
 * @param in index of the device by which it came; 0 if it starts on this machine or that is not
 *     known
 * @param out index of the device by which it leaves; 0 or below if it ends on this machine or that
 *     is not known
 */
public record PacketWay(Direction direction, int in, int out) {
  /** Nothing is known. */
  static final PacketWay UNKNOWN = new PacketWay(Direction.ORIGINAL, 0, 0);

  int clientDevice() {
    return direction == Direction.ORIGINAL ? in : out;
  }

  int serverDevice() {
    return direction == Direction.ORIGINAL ? out : in;
  }
}
