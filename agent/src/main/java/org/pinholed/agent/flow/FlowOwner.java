package org.pinholed.agent.flow;

import org.pinholed.kernel.conntrack.ConntrackIdentity;

/** Who owns parent flows, for those who tell or ask it something about one of them. Thread-safe. */
public interface FlowOwner {
  /**
   * Lets its thread do something.
   *
   * @param task what to do; must not block
   */
  void post(Runnable task);

  /**
   * Has a parent ended whose conntrack is said to be gone, unless the kernel still has it.
   *
   * @param identity which conntrack it is
   * @param closed whether its connection had been closed before, by FIN or RST
   */
  void endIfGone(ConntrackIdentity identity, boolean closed);

  /**
   * Has our bits put back into the mark of a parent: another rule took them out.
   *
   * @param identity which conntrack it is; one that is not known is ignored
   */
  void putMarkBack(ConntrackIdentity identity);
}
