package org.pinholed.agent.shared;

import org.pinholed.helper.OwnerId;

/**
 * A value of a shared map on its way to another process.
 *
 * @param protocol name of the protocol
 * @param map name of the map within it
 * @param key its key
 * @param leftMs how long it stays, in milliseconds, above 0
 * @param text the value as its codec wrote it
 */
public record SharedEntry(String protocol, String map, OwnerId key, long leftMs, String text) {}
