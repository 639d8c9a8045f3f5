package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.operate.doctor.ForwardedPath.Stop;

/**
 * Whether rules put control connections into conntrack zones. Flows in a zone are not read: two of
 * them may have the same addresses. Pure.
 */
final class ZoneCheck {
  private static final String NAME = "zones";
  private static final String CONSEQUENCE =
      " into a zone; control connections in a zone are not read, and open nothing: ";

  private ZoneCheck() {}

  /**
   * Follows the first packet of each helper.
   *
   * @param rulesets all tables but the agent's
   * @param settings what the agent is configured for
   * @return a failure if all connections of a helper get a zone, a warning if some do
   */
  static List<Finding> of(List<Ruleset> rulesets, DoctorSettings settings) {
    Set<Finding> findings = new LinkedHashSet<>();
    for (HelperEntry helper : settings.helpers()) {
      String port = helper.transport() + " port " + helper.port();
      for (int family : new int[] {4, 6}) {
        for (Stop stop :
            ForwardedPath.ofControl(
                rulesets, ImaginedPacket.control(family, helper.transport(), helper.port()))) {
          FirewallRule all = stop.result().zonedBy();
          if (all != null) {
            findings.add(
                Finding.fail(
                    NAME,
                    stop.ruleset().kind()
                        + ": a rule puts all connections to "
                        + port
                        + CONSEQUENCE
                        + all.text()));
          } else if (!stop.result().possibleZones().isEmpty()) {
            findings.add(
                Finding.warn(
                    NAME,
                    stop.ruleset().kind()
                        + ": a rule puts some connections to "
                        + port
                        + CONSEQUENCE
                        + stop.result().possibleZones().get(0).text()));
          }
        }
      }
    }
    return new ArrayList<>(findings);
  }
}
