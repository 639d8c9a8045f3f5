package org.pinholed.agent.worker;

import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;

/** What helpers of these tests announce. */
final class Announcements {
  private Announcements() {}

  static ExpectationRequest.Builder once(FlowFacts facts, int port) {
    return once("port" + port, facts, port);
  }

  static ExpectationRequest.Builder once(String key, FlowFacts facts, int port) {
    return ExpectationRequest.builder(
        key,
        Direction.REPLY,
        new Endpoint(facts.server().address(), port),
        LambdaProtocol.Word.SAID);
  }
}
