package org.pinholed.agent.expectation;

import org.pinholed.helper.FlowFacts;
import org.pinholed.kernel.conntrack.ConntrackIdentity;

/**
 * What announced a child that is read. Outlives the expectation and its pinhole, which is used up
 * as soon as the child has come, if it was for one.
 *
 * @param child which conntrack it is
 * @param helper name of the helper that announced it, and so reads it
 * @param helperId id of that helper's entry
 * @param announcement what its helper is told
 */
public record ReadChild(
    ConntrackIdentity child, String helper, int helperId, FlowFacts.Announcement announcement) {
  static ReadChild of(ConntrackIdentity child, Expectation announcing) {
    return new ReadChild(
        child,
        announcing.parent().helper(),
        announcing.parent().helperId(),
        new FlowFacts.Announcement(
            announcing.owner().id(), announcing.request().group(), announcing.request().item()));
  }
}
