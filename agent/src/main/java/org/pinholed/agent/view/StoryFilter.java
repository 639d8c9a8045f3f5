package org.pinholed.agent.view;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;
import org.pinholed.helper.text.Network;

/**
 * Which pinholes and control connections an operator wants to have explained; null leaves a field
 * open, and all of them open means the last one.
 *
 * @param serial serial of a parent or a child, 8 hex digits in lower case
 * @param expectationId number of an expectation
 * @param transport TCP or UDP
 * @param address network in which one of the ends has to be
 * @param source network from which the child comes or was expected
 * @param destination where the child goes, as its first packet says or where that leads to
 * @param most how many are told at most, the newest; 1 or more
 */
public record StoryFilter(
    @Nullable String serial,
    @Nullable Long expectationId,
    @Nullable Transport transport,
    @Nullable Network address,
    @Nullable Network source,
    @Nullable Endpoint destination,
    int most) {
  /**
   * Whether only the last one is meant.
   *
   * @return true if no field but the number is given
   */
  public boolean isLast() {
    return serial == null
        && expectationId == null
        && transport == null
        && address == null
        && source == null
        && destination == null;
  }
}
