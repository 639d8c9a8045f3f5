package org.pinholed.helper.sip.call;

import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;

/**
 * Where a party takes requests: a URI of Contact, or one that it put into Record-Route itself.
 *
 * @param kind in which header it stands
 * @param endpoint its address and port as they stand there; 5060 or 5061 if the text has no port
 * @param portNamed whether the text has a port
 * @param transport by the {@code transport} parameter, else that of the flow
 */
public record Signal(Kind kind, Endpoint endpoint, boolean portNamed, Transport transport) {
  /** In which header it stands. */
  public enum Kind {
    /** Contact (RFC 3261 section 20.10). */
    CONTACT('c'),
    /** Record-Route (RFC 3261 section 20.30). */
    RECORD_ROUTE('r');

    private final char letter;

    Kind(char letter) {
      this.letter = letter;
    }

    char letter() {
      return letter;
    }
  }
}
