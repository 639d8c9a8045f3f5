package org.pinholed.agent.event;

/** Takes events. Called by packet workers and by the lifecycle thread: must not block. */
public interface EventListener {
  /**
   * Something happened.
   *
   * @param event what
   */
  void onEvent(AgentEvent event);
}
