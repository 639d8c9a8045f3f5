package org.pinholed.agent.view;

/**
 * An address and a port in a listing.
 *
 * @param address numeric address; {@code 0.0.0.0} or {@code ::} for any
 * @param port 0 for any
 */
public record EndpointRow(String address, int port) {
  @Override
  public String toString() {
    return address.indexOf(':') >= 0 ? "[" + address + "]:" + port : address + ":" + port;
  }
}
