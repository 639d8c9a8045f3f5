package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.operate.doctor.ForwardedPath.Stop;
import org.pinholed.helper.Transport;

/**
 * Whether control connections, and the datagrams of helpers over UDP, come through the firewall at
 * all, and are tracked. A firewall that lets only some of them pass, by address or device, does
 * what it was made for.
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
      ControlPortCheck check = new ControlPortCheck(rulesets);
      check.walk(helper, 4);
      check.walk(helper, 6);
      all.addAll(
          check.findings.isEmpty()
              ? List.of(Finding.ok(NAME, flows(helper) + to(helper) + " may come through"))
              : check.findings.values());
    }
    return all;
  }

  private static String flows(HelperEntry helper) {
    return (helper.transport() == Transport.TCP ? "control connections" : "datagrams")
        + " of "
        + helper.name();
  }

  private static String to(HelperEntry helper) {
    return " to " + helper.transport() + " port " + helper.port();
  }

  private void walk(HelperEntry helper, int family) {
    ImaginedPacket packet = ImaginedPacket.control(family, helper.transport(), helper.port());
    for (Stop stop : ForwardedPath.ofControl(rulesets, packet)) {
      String packets = stop.entry().families().size() == 1 ? "" : " (IPv" + family + ")";
      FirewallRule untracked = stop.result().untrackedBy();
      if (untracked != null) {
        findings.putIfAbsent(
            stop.chain() + " notrack",
            Finding.fail(
                NAME,
                (helper.transport() == Transport.TCP ? "connections" : "datagrams")
                    + to(helper)
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
                    + " drops "
                    + flows(helper)
                    + to(helper)
                    + ": "
                    + stop.result().by(),
                RuleAdvice.acceptPort(stop.ruleset(), stop.entry(), helper)));
      }
    }
  }
}
