package org.pinholed.helper.sip.call;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.sip.policy.MediaSource;
import org.pinholed.helper.sip.words.SipReason;

/** What is to be done because of a message; {@link CallSteps} does it, in order. */
sealed interface Step {
  /**
   * Opens the ports of a party's streams, and shuts what its group had before.
   *
   * @param group the group
   * @param announcedIn which way the messages of that party go on this flow
   * @param media where it takes them
   * @param openings of each stream who may come; null for a stream that is shut
   * @param lifetime how long
   */
  record OpenMedia(
      String group,
      Direction announcedIn,
      Media media,
      List<@Nullable Opening> openings,
      Lifetime.WithOwner lifetime)
      implements Step {}

  /**
   * How a stream is opened.
   *
   * @param source who may come
   * @param rtcp whether RTCP has a port of its own
   */
  record Opening(MediaSource source, boolean rtcp) {}

  /**
   * Opens where a party takes requests, for the other end of the flow.
   *
   * @param group the group
   * @param announcedIn which way the messages of that party go on this flow
   * @param signals where it takes them
   * @param lifetime how long
   */
  record OpenSignals(
      String group, Direction announcedIn, Signals signals, Lifetime.WithOwner lifetime)
      implements Step {}

  /**
   * Shuts a group.
   *
   * @param group the group
   * @param isMedia whether it is media, which is cut if the settings say so
   */
  record Close(String group, boolean isMedia) implements Step {}

  /**
   * Says how long the call lives unless something more is said.
   *
   * @param atMost above zero
   */
  record Keep(Duration atMost) implements Step {}

  /** Says that the call was answered, so that it lasts. */
  record Settle() implements Step {}

  /**
   * Says that what was opened before may stay for longer, also what another process opened.
   *
   * @param longest how long at most from now on
   */
  record Prolong(Duration longest) implements Step {}

  /** Ends the call. */
  record End() implements Step {}

  /**
   * Says where the call stands.
   *
   * @param state a word for operators
   */
  record Named(String state) implements Step {}

  /**
   * Says why something is not opened.
   *
   * @param reason the reason
   */
  record Refuse(SipReason reason) implements Step {}
}
