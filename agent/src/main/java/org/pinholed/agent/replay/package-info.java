/**
 * Captures read as the agent would have read them: the same worker, flows and helpers, with a
 * conntrack, pinholes and a clock in memory.
 */
@NullMarked
package org.pinholed.agent.replay;

import org.jspecify.annotations.NullMarked;
