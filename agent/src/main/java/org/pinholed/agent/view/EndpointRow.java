package org.pinholed.agent.view;

import org.pinholed.helper.AddressText;
import org.pinholed.helper.Endpoint;

/**
 * An address and a port in a listing.
 *
 * @param address numeric address; {@code 0.0.0.0} or {@code ::} for any
 * @param port 0 for any
 */
public record EndpointRow(String address, int port) {
  /**
   * An endpoint as listings show it.
   *
   * @param endpoint address and port
   * @return the row form
   */
  public static EndpointRow of(Endpoint endpoint) {
    return new EndpointRow(AddressText.of(endpoint.address()), endpoint.port());
  }

  @Override
  public String toString() {
    return address.indexOf(':') >= 0 ? "[" + address + "]:" + port : address + ":" + port;
  }
}
