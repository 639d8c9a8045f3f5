package org.pinholed.agent.flow;

import org.pinholed.helper.Direction;

/**
 * The devices by which the packets of one parent flow come in and leave. Owned by the flow's worker
 * and used by its thread only.
 *
 * <p>The router itself says where each end of the flow is: by the device that it sends packets for
 * that end to. So a packet of one direction is at home on a device by which packets of the other
 * direction leave.
 */
public final class FlowDevices {
  /** Stands for a packet that ends on this machine. */
  public static final int LOCAL = -1;

  /** No device is known. */
  private static final int NONE = 0;

  private final OneWay original = new OneWay();
  private final OneWay reply = new OneWay();
  private int unconfirmed;
  private long misrouted;
  private long toldNs;

  /** What is known of the packets of one direction. */
  private static final class OneWay {
    private int leavesBy;
    private int leftBy;
    private int routedFrom;
    private int notRoutedFrom;
    private long askedNs;
    private boolean passedUnread;
    private int unreadEnd;
  }

  private OneWay of(Direction direction) {
    return direction == Direction.ORIGINAL ? original : reply;
  }

  /**
   * Notes by which device a packet leaves, if that is known. The last two are remembered: when a
   * route changes, packets are under way on the old one.
   *
   * @param direction the packet's
   * @param device its index, {@link #LOCAL}, or 0 if it is not known
   */
  public void noteLeaving(Direction direction, int device) {
    OneWay way = of(direction);
    if (device != NONE && device != way.leavesBy) {
      way.leftBy = way.leavesBy;
      way.leavesBy = device;
    }
  }

  /**
   * The device by which the last packet of a direction left.
   *
   * @param direction the packet's
   * @return its index, {@link #LOCAL}, or 0 if it is not known
   */
  public int leavesBy(Direction direction) {
    return of(direction).leavesBy;
  }

  /**
   * Whether a device is known to lead to the sender of a direction.
   *
   * @param direction of packets that come in
   * @param device its index
   * @return false if it is not known
   */
  public boolean isHome(Direction direction, int device) {
    OneWay back = of(direction.opposite());
    return device == back.leavesBy || device == back.leftBy || device == of(direction).routedFrom;
  }

  /**
   * Whether packets have gone to the sender of a direction, so that it is known where it is.
   *
   * @param direction of packets that come in
   * @return false if none were seen
   */
  public boolean isFound(Direction direction) {
    return of(direction.opposite()).leavesBy != NONE;
  }

  /**
   * Whether the sender of a direction is this machine.
   *
   * @param direction of packets that come in
   * @return true if the last packet for it ended here
   */
  public boolean isHere(Direction direction) {
    return of(direction.opposite()).leavesBy == LOCAL;
  }

  /**
   * Whether the routing table said no to a device, so lately that it need not be asked again.
   *
   * @param direction of packets that come in
   * @param device its index
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @param forNs how long an answer counts
   * @return true if it was the device that was asked for last
   */
  public boolean wasRefused(Direction direction, int device, long nowNs, long forNs) {
    OneWay way = of(direction);
    return way.notRoutedFrom == device && nowNs - way.askedNs < forNs;
  }

  /**
   * Whether the routing table was ever asked about packets of a direction.
   *
   * @param direction of packets that come in
   * @return true for good once it was
   */
  public boolean wasAsked(Direction direction) {
    OneWay way = of(direction);
    return way.routedFrom != NONE || way.notRoutedFrom != NONE;
  }

  /**
   * Notes what the routing table said.
   *
   * @param direction of packets that come in
   * @param device the device that was asked for
   * @param leads whether it leads to their sender
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public void routed(Direction direction, int device, boolean leads, long nowNs) {
    OneWay way = of(direction);
    way.askedNs = nowNs;
    if (leads) {
      way.routedFrom = device;
    } else {
      way.notRoutedFrom = device;
    }
  }

  /**
   * The device by which the server's first packets came, as long as none was sent to the server.
   *
   * @return its index, 0 if there is none to confirm
   */
  public int unconfirmed() {
    return unconfirmed;
  }

  /**
   * Sets the device that the first packet for the server has to confirm.
   *
   * @param device its index, 0 for none
   */
  public void setUnconfirmed(int device) {
    unconfirmed = device;
  }

  /**
   * Counts a packet that came in by a device that does not lead to its sender.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @param pauseNs how long nothing more is to be told
   * @return true if it is to be told, as the first one is
   */
  public boolean countMisrouted(long nowNs, long pauseNs) {
    boolean tell = misrouted == 0 || nowNs - toldNs >= pauseNs;
    misrouted++;
    if (tell) {
      toldNs = nowNs;
    }
    return tell;
  }

  /**
   * Notes that bytes of a direction passed and were not read.
   *
   * @param direction the direction that they claim to be of
   * @param end the sequence number behind the last one
   */
  public void passUnread(Direction direction, int end) {
    OneWay way = of(direction);
    if (!way.passedUnread || end - way.unreadEnd > 0) {
      way.passedUnread = true;
      way.unreadEnd = end;
    }
  }

  /**
   * Whether an acknowledgement may be for bytes that passed unread. Then it does not say that bytes
   * are missing: the receiver took the forger's, and the sender's own are still to come.
   *
   * @param direction the direction of the acknowledged bytes
   * @param next sequence number of the next byte that is to be read
   * @param acknowledgement the sequence number that the receiver waits for
   * @return true if it is behind {@code next}, and not behind the last unread byte
   */
  public boolean passedUnread(Direction direction, int next, int acknowledgement) {
    OneWay way = of(direction);
    return way.passedUnread && acknowledgement - next > 0 && acknowledgement - way.unreadEnd <= 0;
  }

  /**
   * Packets that came in by a device that does not lead to their sender.
   *
   * @return a count
   */
  public long misrouted() {
    return misrouted;
  }
}
