package org.pinholed.it.lab;

/**
 * How a blast went.
 *
 * @param answers lines that came back
 * @param seconds how long it took
 */
public record Blasted(int answers, double seconds) {}
