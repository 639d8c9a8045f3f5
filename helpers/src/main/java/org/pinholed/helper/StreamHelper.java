package org.pinholed.helper;

/** A helper that reads a byte stream per direction (TCP). */
public interface StreamHelper extends SessionHelper {
  /**
   * Reads in-order bytes, as many messages as there are. What is not consumed is presented again,
   * unchanged and from its first byte, together with what follows it; more than {@link
   * HelperLimits#streamBufferBytes()} of it ends the reading of the flow. After a reason of another
   * kind than REFUSED was reported a helper takes all bytes and says nothing more.
   *
   * @param direction which way the bytes go
   * @param bytes the bytes from {@code position} to {@code limit}; re-used after the call
   * @param nowNs the time, in nanoseconds from any moment; only differences mean something
   * @param out takes the outcomes
   * @return how many bytes, from the front, are done with: 0..remaining
   */
  int onBytes(Direction direction, ByteCursor bytes, long nowNs, OutcomeSink out);

  /**
   * Whether bytes of a direction that are on their way, behind all that were read, may announce
   * something. While they cannot, the segments of a translated direction need not wait for each
   * other.
   *
   * @param direction which way the bytes go
   * @return false only if none of them can, whatever they are; what is sent in answer to bytes that
   *     this helper did not read yet does not count
   */
  default boolean mayAnnounce(Direction direction) {
    return true;
  }

  /**
   * Whether messages of a direction may be longer than a segment. If so, the segments of one that
   * is {@linkplain OutcomeSink#incomplete not whole yet} are held until it is, on a translated
   * flow; else its sender is made to send it once more, whole. Such a helper announces nothing of a
   * message, and edits nothing of it, before it is whole.
   *
   * @param direction which way the bytes go
   * @return the same at every call
   */
  default boolean hasLongMessages(Direction direction) {
    return false;
  }

  /**
   * Whether reading of a direction may begin with a segment. Asked of a flow that is {@linkplain
   * FlowFacts.Origin#RESUMED resumed} by a process that knows nothing of its past, and only of
   * helpers that have long messages in that direction, because a segment may then be the middle of
   * one.
   *
   * <p>What holds for a segment of which it is asked: the receiver has acknowledged all before its
   * first byte, and nothing of it. So nothing that came before it is still on its way, held or
   * waiting to be sent again, and what an agent before this one held comes again and is asked of
   * from its beginning. Where that is not known the receiver is asked, and the segment, which this
   * said yes to, passes when it comes again; others pass unread, and nothing of them is fed later.
   * What may begin is fed from its first byte, and from then on all bytes of the direction are, in
   * order and without a gap, as of any flow. The other direction begins by itself.
   *
   * @param direction which way the bytes go
   * @param segment its bytes, from {@code position} to {@code limit}; re-used after the call
   * @return false if no message begins there; then the segment passes unread, and the next one is
   *     asked of
   */
  default boolean mayBeginWith(Direction direction, ByteCursor segment) {
    return true;
  }

  /**
   * Whether it edits messages of both sides of a translated flow. Else only those of a side whose
   * address is translated may be edited, for what that side says of itself; that is enough for FTP.
   * Where the other side repeats what it was told (in SIP the Request-URI, Via and Route), its
   * messages must be changed back.
   *
   * @return the same at every call
   */
  default boolean editsBothSides() {
    return false;
  }
}
