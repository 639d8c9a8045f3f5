package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
  private final Set<String> devices;
  private final int childBit;
  private final boolean fromAnywhere;
  private final Map<String, Finding> findings = new LinkedHashMap<>();
  private String onlyBy = "";

  private ControlPortCheck(
      List<Ruleset> rulesets, Set<String> devices, int childBit, boolean fromAnywhere) {
    this.rulesets = rulesets;
    this.childBit = childBit;
    this.fromAnywhere = fromAnywhere;
    this.devices = ForwardedPath.forwarding(devices);
  }

  /**
   * Checks the ports of all helpers.
   *
   * @param rulesets all tables but the agent's
   * @param devices all network devices
   * @param settings what the agent is configured for
   * @param fromAnywhere whether a firewall that lets only some of them pass is a finding, too
   */
  static List<Finding> of(
      List<Ruleset> rulesets, Set<String> devices, DoctorSettings settings, boolean fromAnywhere) {
    List<Finding> all = new ArrayList<>();
    for (HelperEntry helper : settings.helpers()) {
      ControlPortCheck check =
          new ControlPortCheck(rulesets, devices, settings.marks().child(), fromAnywhere);
      check.walk(helper, 4);
      check.walk(helper, 6);
      all.addAll(
          check.findings.isEmpty()
              ? List.of(
                  Finding.ok(NAME, flows(helper) + to(helper) + " may come through" + check.onlyBy))
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
    ImaginedPacket first = ImaginedPacket.control(family, helper.transport(), helper.port());
    for (Stop stop : ForwardedPath.ofControl(rulesets, first)) {
      if (untracked(helper, stop)) {
        break; // what rules say of its state behind is no fault of theirs
      }
      stopped(helper, stop, flows(helper), RuleAdvice.acceptPort(stop, helper));
    }
    ImaginedPacket answer =
        ImaginedPacket.answer(family, helper.transport(), helper.port(), childBit);
    for (Stop stop : ForwardedPath.ofControl(rulesets, answer)) {
      if (untracked(helper, stop)) {
        break;
      }
      stopped(helper, stop, "the answers of " + flows(helper), RuleAdvice.acceptEstablished(stop));
    }
  }

  private void stopped(HelperEntry helper, Stop stop, String what, List<String> advice) {
    if (stop.stopsAll()) {
      dropped(helper, stop, what, advice);
    } else if (stop.stopsSome()) {
      String rule = stop.result().possibleAccepts().get(0).text();
      if (fromAnywhere) {
        drops(
            helper, stop, what, " that no rule takes such as " + rule, Finding.Level.WARN, advice);
      } else if (onlyBy.isEmpty()) {
        onlyBy = ", as far as rules let them such as " + rule;
      }
    }
  }

  private void dropped(HelperEntry helper, Stop stop, String what, List<String> advice) {
    Finding.Level level = stop.isOnlyFor(devices) ? Finding.Level.WARN : Finding.Level.FAIL;
    drops(helper, stop, what, ": " + stop.result().by(), level, advice);
  }

  private void drops(
      HelperEntry helper,
      Stop stop,
      String what,
      String which,
      Finding.Level level,
      List<String> advice) {
    findings.putIfAbsent(
        stop.chain() + " drops " + what,
        new Finding(
            level,
            NAME,
            stop.chain() + stop.packets() + " drops " + what + to(helper) + which,
            stop.isOnlyFor(devices) ? List.of() : advice));
  }

  /** Whether the connection tracking does not see all packets of it. */
  private boolean untracked(HelperEntry helper, Stop stop) {
    FirewallRule all = stop.result().untrackedBy();
    List<FirewallRule> some = stop.result().possibleUntracks();
    if (all == null && some.isEmpty()) {
      return false;
    }
    String what = helper.transport() == Transport.TCP ? "connections" : "datagrams";
    findings.putIfAbsent(
        stop.chain() + " notrack",
        new Finding(
            all == null ? Finding.Level.WARN : Finding.Level.FAIL,
            NAME,
            (all == null ? "some " : "")
                + what
                + to(helper)
                + stop.packets()
                + ", or their answers, are kept from the connection tracking, without which nothing"
                + " of them is read: "
                + (all == null ? some.get(0) : all).text(),
            List.of()));
    return all != null;
  }
}
