package org.pinholed.it.lab;

/**
 * A datagram that came.
 *
 * @param data its bytes in Latin-1
 * @param from where it says that it comes from
 */
public record Datagram(String data, Endpoint from) {}
