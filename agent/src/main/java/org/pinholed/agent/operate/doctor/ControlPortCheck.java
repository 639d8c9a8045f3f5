package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.operate.doctor.ForwardedPath.Stop;
import org.pinholed.helper.Transport;

/**
 * Whether control connections come through the firewall at all, and are tracked. A firewall that
 * lets only some of them pass, by address or device, does what it was made for.
 */
final class ControlPortCheck {
  private static final String NAME = "controlPort";

  private final List<Ruleset> rulesets;
  private final Map<String, Finding> findings = new LinkedHashMap<>();

  private ControlPortCheck(List<Ruleset> rulesets) {
    this.rulesets = rulesets;
  }

  static List<Finding> of(List<Ruleset> rulesets, DoctorSettings settings) {
    List<Finding> all = new ArrayList<>();
    for (HelperEntry helper : settings.helpers()) {
      if (helper.transport() == Transport.TCP) {
        ControlPortCheck check = new ControlPortCheck(rulesets);
        check.walk(helper, 4);
        check.walk(helper, 6);
        all.addAll(
            check.findings.isEmpty()
                ? List.of(
                    Finding.ok(
                        NAME,
                        "control connections of "
                            + helper.name()
                            + " to TCP port "
                            + helper.port()
                            + " may come through"))
                : check.findings.values());
      }
    }
    return all;
  }

  private void walk(HelperEntry helper, int family) {
    int port = helper.port();
    for (Stop stop : ForwardedPath.ofControl(rulesets, ImaginedPacket.control(family, port))) {
      String packets = stop.entry().families().size() == 1 ? "" : " (IPv" + family + ")";
      FirewallRule untracked = stop.result().untrackedBy();
      if (untracked != null) {
        findings.putIfAbsent(
            stop.chain() + " notrack",
            Finding.fail(
                NAME,
                "connections to TCP port "
                    + port
                    + packets
                    + " are kept from the connection tracking, without which nothing of them is"
                    + " read: "
                    + untracked.text()));
      }
      if (stop.stopsAll()) {
        findings.putIfAbsent(
            stop.chain(),
            Finding.fail(
                NAME,
                stop.chain()
                    + packets
                    + " drops control connections of "
                    + helper.name()
                    + " to TCP port "
                    + port
                    + ": "
                    + stop.result().by(),
                RuleAdvice.acceptPort(stop.ruleset(), stop.entry(), port)));
      }
    }
  }
}
