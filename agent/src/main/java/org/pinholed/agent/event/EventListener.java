package org.pinholed.agent.event;

/** Takes events. Called by packet workers and by the lifecycle thread: must not block. */
public interface EventListener {
  /**
   * Something happened.
   *
   * @param event what
   */
  void onEvent(AgentEvent event);

  /**
   * Time passed. Called a few times a second by one thread.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  default void tick(long nowNs) {}
}
