package org.pinholed.it.lab;

/**
 * One dialogue of the laboratory's own protocol through the router, of which the test speaks both
 * sides: what it can say stands in {@code LabMessage} of the protocol's sources. Closing it closes
 * its sockets.
 */
public interface LabDialogue extends AutoCloseable {
  /** The client says a message; what of it the server hears. */
  String toServer(String message);

  /** The server says a message; what of it the client hears. */
  String toClient(String message);

  /** The client's own end. */
  Endpoint client();

  /** The client's end, as the server sees it; only after it said something. */
  Endpoint clientSeenByServer();

  @Override
  void close();
}
