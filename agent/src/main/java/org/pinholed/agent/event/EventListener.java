package org.pinholed.agent.event;

/** Takes events. Called by packet workers and by the lifecycle thread: must not block. */
public interface EventListener {
  /** Nobody wants to know. */
  public static final EventListener NONE =
      new EventListener() {
        @Override
        public void onEvent(AgentEvent event) {}

        @Override
        public boolean isListening() {
          return false;
        }
      };

  /**
   * Something happened.
   *
   * @param event what
   */
  void onEvent(AgentEvent event);

  /**
   * Whether events need be made at all.
   *
   * @return false if nobody takes them
   */
  default boolean isListening() {
    return true;
  }

  /**
   * Time passed. Called a few times a second by one thread.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  default void tick(long nowNs) {}
}
