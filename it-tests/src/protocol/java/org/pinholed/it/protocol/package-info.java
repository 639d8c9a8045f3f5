/**
 * A protocol for scenarios, and the agent with it: each of its commands makes one call of the SPI,
 * so that a scenario moves the core from outside, with packets.
 *
 * <p>It is the one part of the laboratory that sees classes of the product: those of the helpers'
 * SPI and the program's entry. It is compiled against the jars of the distribution when a scenario
 * asks for it ({@code src/protocol/build.sh}), as the protocol of somebody else would be; nothing
 * else of this module sees it, and it sees nothing of this module.
 */
package org.pinholed.it.protocol;
