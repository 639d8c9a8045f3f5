package org.pinholed.it.lab;

/** The peer could not do it: timed out, refused, closed by the other side. */
public final class PeerException extends RuntimeException {
  private static final long serialVersionUID = 1;

  PeerException(String message) {
    super(message);
  }
}
