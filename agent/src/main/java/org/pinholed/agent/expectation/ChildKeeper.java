package org.pinholed.agent.expectation;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.conntrack.ConntrackIdentity;

/** What keeps the children that it let in: an expectation of one child, or a pinhole for many. */
interface ChildKeeper {
  /**
   * Notes that one of its children is there.
   *
   * @param newChild which conntrack it is
   * @param known false if it is only to be counted
   */
  void childLives(ConntrackIdentity newChild, boolean known);

  /**
   * Notes that one of its children ended.
   *
   * @param oldChild which conntrack it was
   * @param nowNs the time
   */
  void childEnded(ConntrackIdentity oldChild, long nowNs);

  /** The parents that announced it, where what they announced ends with them. */
  List<Parent> parents();

  /** One that wants its children read; null if there is none. */
  @Nullable Expectation reading();
}
