/**
 * The SPI between the agent and the session helpers: what a helper is told about its flow, and what
 * it may answer. Pure Java: no I/O, no clock, no logging.
 */
@NullMarked
package org.pinholed.helper;

import org.jspecify.annotations.NullMarked;
