package org.pinholed.it.lab;

/**
 * What was read to the end of a stream.
 *
 * @param lengthBytes how much it was
 * @param sha256 its checksum, lower-case hex
 */
public record Received(long lengthBytes, String sha256) {}
