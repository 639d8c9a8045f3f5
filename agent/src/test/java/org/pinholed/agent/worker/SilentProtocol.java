package org.pinholed.agent.worker;

import java.util.Map;
import java.util.Set;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.DatagramHelper;
import org.pinholed.helper.Direction;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.Transport;

/** A protocol of datagrams of which all bytes are read and nothing is said. */
final class SilentProtocol implements HelperProtocol {
  private long bytes;

  @Override
  public String name() {
    return "silent";
  }

  @Override
  public Set<Transport> transports() {
    return Set.of(Transport.UDP);
  }

  @Override
  public Map<String, String> options() {
    return Map.of();
  }

  @Override
  public EntryLimits limits() {
    return EntryLimits.NONE.with(EntryLimit.EXPECTATIONS_PER_OWNER, 1);
  }

  @Override
  public Factory configure(Map<String, Object> options, HelperLimits limits) {
    return (facts, shared) ->
        new DatagramHelper() {
          @Override
          public void onDatagram(
              Direction direction, ByteCursor datagram, long nowNs, OutcomeSink out) {
            while (datagram.remaining() > 0) {
              bytes += datagram.u8();
            }
          }

          @Override
          public String stateWord() {
            return "silent";
          }
        };
  }

  /** The sum of all bytes that were read: it grows by each datagram. */
  long bytes() {
    return bytes;
  }
}
