package org.pinholed.agent.flow;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.nat.TranslatedState;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.helper.FlowFacts;
import org.pinholed.kernel.conntrack.ConntrackIdentity;

/**
 * What the next process needs to go on with a flow at its very next byte. It says what the kernel
 * does not know: without it a flow is resumed at its next line, and only if it is proven.
 *
 * @param identity which conntrack it is
 * @param origin from where on it was read
 * @param clientRead how many bytes of the client the helper is done with, counted from that origin
 * @param serverRead the same for the server
 * @param clientNext sequence number of the client's next byte, 0..2^32-1; -1 if not known
 * @param serverNext sequence number of the server's next byte, 0..2^32-1; -1 if not known
 * @param snapshot the helper's own words; empty if it has none
 * @param announced pinholes that are announced and not open yet
 * @param clientTranslated what is replaced in what the client sends; null if nothing ever is
 * @param serverTranslated the same for the server
 * @param towardsClient the device by which the last packet for the client left, {@link
 *     FlowDevices#LOCAL}, or 0 if it is not known
 * @param towardsServer the same for the server
 * @param clientClosed whether the client's FIN came in turn
 * @param serverClosed the same for the server
 */
public record FlowState(
    ConntrackIdentity identity,
    FlowFacts.Origin origin,
    long clientRead,
    long serverRead,
    long clientNext,
    long serverNext,
    String snapshot,
    List<Pinhole> announced,
    @Nullable TranslatedState clientTranslated,
    @Nullable TranslatedState serverTranslated,
    int towardsClient,
    int towardsServer,
    boolean clientClosed,
    boolean serverClosed) {
  /** Whether a side may still send, as far as FINs were read. */
  boolean isOpen() {
    return !clientClosed || !serverClosed;
  }
}
