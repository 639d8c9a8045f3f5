package org.pinholed.helper.ftp;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.LeasedPorts;
import org.pinholed.helper.SessionHelper;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.Transport;
import org.pinholed.helper.text.LeaseOptions;

/** FTP over TCP, as the configuration names it. Immutable and thread-safe. */
public final class FtpProtocol implements HelperProtocol {
  static final Map<String, String> OPTIONS = describedOptions();

  @Override
  public String name() {
    return "ftp";
  }

  @Override
  public Set<Transport> transports() {
    return Set.of(Transport.TCP);
  }

  @Override
  public Map<String, String> options() {
    return OPTIONS;
  }

  /** A client has one data connection at a time. */
  @Override
  public EntryLimits limits() {
    return EntryLimits.NONE.with(EntryLimit.EXPECTATIONS_PER_OWNER, 1);
  }

  @Override
  public Factory configure(Map<String, Object> options, HelperLimits limits) {
    FtpOptions checked = FtpOptions.of(options);
    return new Factory() {
      @Override
      public SessionHelper open(FlowFacts facts, SharedState shared) {
        return new FtpHelper(facts, checked, limits);
      }

      @Override
      public List<LeasedPorts> leasedPorts() {
        return checked.lease().leasedPorts();
      }
    };
  }

  private static Map<String, String> describedOptions() {
    Map<String, String> options = new LinkedHashMap<>();
    options.put(
        FtpOptions.ACTIVE_OPEN,
        "When the port that PORT or EPRT names opens: command (default), at once, and shut again if"
            + " the server refuses; or reply, when the server has agreed or the client sends the"
            + " transfer, whichever is first.");
    options.put(
        FtpOptions.REQUIRE_LOGIN,
        "Whether nothing opens before the server has accepted a login: true (default), or false for"
            + " devices that have none; then the first command that is accepted takes its place.");
    options.put(
        FtpOptions.FXP_NETWORKS,
        "Networks in CIDR notation that may be announced by somebody else, for transfers between"
            + " two servers; none by default.");
    options.put(
        FtpOptions.DENIED_PORTS,
        "Ports and ranges that PORT and EPRT never open, in place of the default list "
            + FtpOptions.DEFAULT_DENIED_PORTS
            + "; ports below 1024 never are.");
    options.put(
        FtpOptions.DENIED_PASSIVE_PORTS,
        "The same for 227 and 229, in place of the default list "
            + FtpOptions.DEFAULT_DENIED_PASSIVE_PORTS
            + ".");
    options.put(
        LeaseOptions.NETWORKS,
        "Servers, as networks in CIDR notation: a client whose control connection is encrypted (AUTH"
            + " TLS) may come to leasePorts as long as it lives; none by default.");
    options.put(
        LeaseOptions.PORTS,
        "The range of ports that these servers take in passive mode; "
            + LeaseOptions.USUAL_PORTS
            + " by default.");
    options.put(
        LeaseOptions.CONNECTIONS,
        "How many data connections such a control connection may have in all, 1..1024; 4 by"
            + " default.");
    return Collections.unmodifiableMap(options);
  }
}
