package org.pinholed.it.lab;

/**
 * A signalling flow of which the test moves both ends.
 *
 * @param dialogue what is said over it
 * @param transport as Via names it, {@code UDP} or {@code TCP}
 * @param server the server's own end
 * @param dialed where the client finds the server
 */
public record SipLine(LabDialogue dialogue, String transport, Endpoint server, Endpoint dialed)
    implements AutoCloseable {
  /** The client's own end. */
  public Endpoint client() {
    return dialogue.client();
  }

  /** The socket of the client's end; of a flow of datagrams only. */
  public Datagrams clientSocket() {
    return ((UdpDialogue) dialogue).clientSocket();
  }

  /** Sends a message from one end; what the other end hears. */
  public SipMessage say(boolean fromClient, SipMessage message) {
    String text = message.text();
    return SipMessage.of(fromClient ? dialogue.toServer(text) : dialogue.toClient(text));
  }

  @Override
  public void close() {
    dialogue.close();
  }
}
