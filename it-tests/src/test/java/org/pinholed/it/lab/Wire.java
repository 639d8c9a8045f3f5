package org.pinholed.it.lab;

/**
 * A device of this host, and who is at the other end of its wire.
 *
 * @param device its name
 * @param routerMac the router's hardware address, {@code aa:bb:cc:dd:ee:ff}
 */
public record Wire(String device, String routerMac) {}
