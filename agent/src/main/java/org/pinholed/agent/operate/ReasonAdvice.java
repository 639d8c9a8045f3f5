package org.pinholed.agent.operate;

import java.util.ArrayList;
import java.util.List;

/** What an operator can do about a reason, as far as anything can be done. Pure. */
final class ReasonAdvice {
  private ReasonAdvice() {}

  /**
   * The advice for a reason.
   *
   * @param reason its word
   * @param helper name of the helper
   * @return sentences; none if nothing is to be set, because the agent did what it should
   */
  static List<String> of(String reason, String helper) {
    List<String> advice = new ArrayList<>();
    String option = option(reason, helper);
    if (!option.isEmpty()) {
      advice.add(option);
    }
    String limit = limit(reason);
    if (!limit.isEmpty()) {
      advice.add(
          "raise "
              + limit
              + " if this is no attack: pinholectl events --event limit,refused shows who meets"
              + " it");
    }
    String other = other(reason);
    if (!other.isEmpty()) {
      advice.add(other);
    }
    return advice;
  }

  private static String option(String reason, String helper) {
    String of = "helpers[].options of " + helper + ": ";
    return switch (reason) {
      case "addressNotAnnouncer" ->
          of + "fxpNetworks lists the networks that may be announced by somebody else";
      case "addressNotServer" ->
          of + "foreignNetworks lists networks that a server may announce beside its own address";
      case "addressNotSender" ->
          of + "mediaNetworks lists the networks of media gateways beside the signalling";
      case "portBelow1024" ->
          "nothing opens such a port: have its announcer use a range above 1023";
      case "portDenied" ->
          of
              + (helper.equals("ftp") ? "deniedPorts and deniedPassivePorts" : "deniedPorts")
              + " without that port, or have its announcer use another range";
      case "noLogin" -> of + "requireLogin: false, if the server knows no login";
      case "interfaceDenied" -> of + "interfaces and deniedInterfaces say which may open";
      case "lookupIgnored" -> of + "lookup: open, if the list of all services is to open them";
      case "sealed" ->
          of + "learnedNetworks or leaseNetworks let clients of such servers in (docs/dcerpc.md)";
      case "tls", "authProtected" ->
          of
              + "leaseNetworks lets the data connections to such a server in, by their range of"
              + " ports; else give the server a plain rule for its passive ports";
      case "tlsHello" ->
          "it is encrypted from its first byte, so nobody can read what it announces: give the"
              + " server a plain rule for its data ports";
      case "tooManyCalls" -> of + "calls";
      case "tooManyUnanswered" -> of + "unansweredPerSource";
      case "tooManyForks" -> of + "forks";
      case "tooManyContacts" -> of + "contacts";
      case "tooManyRegistrations" -> of + "registrations";
      case "tooManyRegistrationsOfSource" -> of + "registrationsPerSource";
      case "sdpTooManyStreams" -> of + "mediaPerCall";
      default -> "";
    };
  }

  private static String limit(String reason) {
    return switch (reason) {
      case "limitPerParent" -> "limits.expectationsPerParent";
      case "limitPerOwner" -> "helpers[].expectationsPerOwner";
      case "limitPerSource" -> "limits.expectationsPerSource";
      case "limitTotal" -> "limits.expectations";
      case "helperLimitPerParent" -> "helpers[].expectationsPerParent";
      case "helperLimitPerSource" -> "helpers[].expectationsPerSource";
      case "helperLimitTotal" -> "helpers[].expectations";
      case "limitOwners" -> "helpers[].owners";
      case "limitOwnersPerSource" -> "helpers[].ownersPerSource";
      case "parents" -> "limits.parents";
      case "parentsPerSource" -> "limits.parentsPerSource";
      case "halfOpen" -> "limits.halfOpen";
      case "bufferBudget" -> "limits.bufferedBytes";
      case "lineTooLong" -> "limits.lineBytes";
      case "overflow" -> "limits.streamBufferBytes";
      default -> "";
    };
  }

  private static String other(String reason) {
    return switch (reason) {
      case "misrouted", "beganElsewhere" ->
          "if answers take another way than questions here on purpose, asymmetricRouting: true;"
              + " else look who sends with that address";
      case "midStream", "notProven", "fastOpen", "helperFailed", "opaqueBefore" ->
          "the client has to begin a new control connection: pinholectl clear --parent ends this"
              + " one";
      case "kernelHelper" ->
          "take the kernel's helper away from this port: pinholectl doctor says how (kernelHelper)";
      case "externalRules" ->
          "rules: agent reads translated flows too; with rules: external only those that are not";
      case "backendRefused" -> "pinholectl status has what the kernel said last; pinholectl doctor";
      case "neverAnswered" ->
          "the other side did not answer in time: helpers[].timeout is how long that may take";
      case "noSequenceAdjustment", "translationChanged" ->
          "the client has to begin a new control connection; pinholectl trace shows its"
              + " translation";
      case "gap" ->
          "packets of the control connection took a way around the agent: pinholectl doctor"
              + " (controlPort), and queues.lengthPackets if pinholectl status counts dropped ones";
      case "helperPort" -> "a data connection may not go to a port on which a helper reads";
      default -> "";
    };
  }
}
