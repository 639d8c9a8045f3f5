package org.pinholed.helper.sip.rewrite;

import java.net.Inet6Address;
import java.net.InetAddress;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.sip.message.HostView;
import org.pinholed.helper.sip.message.Span;
import org.pinholed.helper.sip.words.SipField;

/**
 * Puts another endpoint in the place of a host and its port. Only what differs is changed: a host
 * that is this address in other writing stays as it is, and so does a port that is this number.
 *
 * <p>Not thread-safe; it adds to one list.
 */
final class HostEdits {
  private final EditList edits;

  HostEdits(EditList edits) {
    this.edits = edits;
  }

  /**
   * Changes a host with a port, or without one.
   *
   * @param host the host; an address
   * @param portDigits the digits of the port; absent if none is named
   * @param port the port that is named, or meant
   * @param usual the port that is meant where none is named
   * @param target what is to be named
   * @param hostOnly whether the port is to be left out
   * @param field what they stand in
   */
  void put(
      HostView host,
      Span portDigits,
      int port,
      int usual,
      Endpoint target,
      boolean hostOnly,
      SipField field) {
    boolean otherHost = !host.isAddress(target.address().getAddress());
    String hostText = text(target.address(), true);
    String portText = ":" + target.port();
    boolean named = !portDigits.isAbsent();
    if (named && hostOnly) {
      edits.replace(
          otherHost ? host.from() : host.to(), portDigits.to(), otherHost ? hostText : "", field);
    } else if (!named && !hostOnly && target.port() != usual) {
      edits.replace(
          otherHost ? host.from() : host.to(),
          host.to(),
          otherHost ? hostText + portText : portText,
          field);
    } else {
      boolean otherPort = named && port != target.port();
      if (otherHost && otherPort && portDigits.from() == host.to() + 1) {
        edits.replace(host.from(), portDigits.to(), hostText + portText, field);
        return;
      }
      if (otherHost) {
        edits.replace(host.from(), host.to(), hostText, field);
      }
      if (otherPort) {
        edits.replace(portDigits.from(), portDigits.to(), portText.substring(1), field);
      }
    }
  }

  /**
   * Changes a host that stands alone. The grammar wants brackets around an IPv6 address in maddr
   * and none in received, but many write them there, too: they are kept as they came.
   *
   * @param host the host; an address
   * @param target what is to be named
   * @param field what it stands in
   */
  void putHost(HostView host, InetAddress target, SipField field) {
    if (!host.isAddress(target.getAddress())) {
      edits.replace(host.from(), host.to(), text(target, host.isBracketed()), field);
    }
  }

  /**
   * Changes a number that stands alone.
   *
   * @param digits its digits
   * @param number which number they are
   * @param target which number they are to be
   * @param field what it stands in
   */
  void putNumber(Span digits, int number, int target, SipField field) {
    if (number != target) {
      edits.replace(digits.from(), digits.to(), Integer.toString(target), field);
    }
  }

  private static String text(InetAddress address, boolean bracketed) {
    String text = AddressText.of(address);
    return bracketed && address instanceof Inet6Address ? "[" + text + "]" : text;
  }
}
