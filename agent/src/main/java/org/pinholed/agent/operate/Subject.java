package org.pinholed.agent.operate;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.expectation.PastExpectation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.view.StoryFilter;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.Transport;

/**
 * An announcement of which a story can be told, living or over.
 *
 * @param living the row, null if it is over
 * @param past what is remembered of it, null if it lives
 * @param parent the flow that announced it
 * @param announcedMicros when, microseconds since 1970
 */
record Subject(
    @Nullable Expectation living,
    @Nullable PastExpectation past,
    Parent parent,
    long announcedMicros) {

  static Subject of(Expectation expectation, long ageNs, long nowMicros) {
    return new Subject(expectation, null, expectation.parent(), nowMicros - ageNs / 1000);
  }

  static Subject of(PastExpectation past) {
    return new Subject(null, past, past.parent(), past.announcedMicros());
  }

  long id() {
    return living != null ? living.id() : past == null ? 0 : past.id();
  }

  @Nullable ExpectationRequest request() {
    return living != null ? living.request() : past == null ? null : past.request();
  }

  @Nullable Pinhole pinhole() {
    return living != null ? living.pinhole() : past == null ? null : past.pinhole();
  }

  boolean opened() {
    return living != null ? living.wasWritten() : past != null && past.opened();
  }

  /** Whether nothing is opened for it, because its helper only observes. */
  boolean isObserved() {
    Pinhole hole = pinhole();
    return hole != null && hole.isObserved();
  }

  int uses() {
    return living != null ? living.uses() : past == null ? 0 : past.uses();
  }

  @Nullable String childSerial() {
    return living != null ? living.childSerial() : past == null ? null : past.childSerial();
  }

  boolean isRefusal() {
    return past != null && past.end() == AgentEvent.Kind.REFUSED;
  }

  @Nullable Transport transport() {
    ExpectationRequest announced = request();
    return announced == null ? null : announced.transport();
  }

  /** Where the child goes, as its first packet says; null if nothing says it. */
  @Nullable Endpoint destination() {
    Pinhole hole = pinhole();
    if (hole != null) {
      return new Endpoint(hole.destination(), hole.port());
    }
    ExpectationRequest announced = request();
    return announced == null ? null : announced.destination();
  }

  @Nullable InetAddress source() {
    Pinhole hole = pinhole();
    if (hole != null) {
      return hole.source();
    }
    ExpectationRequest announced = request();
    return announced == null ? null : announced.sourceAddress();
  }

  /** Whether it is meant by a filter that names no serial and no number. */
  boolean matches(StoryFilter filter) {
    if (filter.transport() != null && filter.transport() != transport()) {
      return false;
    }
    if (filter.address() != null && !hasEndIn(filter)) {
      return false;
    }
    InetAddress from = source();
    if (filter.source() != null && from != null && !filter.source().contains(from)) {
      return false;
    }
    Endpoint to = filter.destination();
    return to == null || leadsTo(to);
  }

  private boolean hasEndIn(StoryFilter filter) {
    Endpoint to = destination();
    Pinhole hole = pinhole();
    InetAddress from = source();
    return isIn(filter, parent.client().address())
        || isIn(filter, parent.server().address())
        || (from != null && isIn(filter, from))
        || (to != null && isIn(filter, to.address()))
        || (hole != null && isIn(filter, hole.leadsTo().address()));
  }

  private static boolean isIn(StoryFilter filter, InetAddress address) {
    return filter.address() != null && filter.address().contains(address);
  }

  private boolean leadsTo(Endpoint to) {
    Pinhole hole = pinhole();
    ExpectationRequest announced = request();
    if (announced != null && announced.destination().equals(to)) {
      return true; // as it was announced, whatever it was rewritten to
    }
    if (hole == null) {
      return false;
    }
    boolean inRange = to.port() >= hole.port() && to.port() <= hole.lastPort();
    return (inRange && hole.destination().equals(to.address())) || hole.leadsTo().equals(to);
  }
}
