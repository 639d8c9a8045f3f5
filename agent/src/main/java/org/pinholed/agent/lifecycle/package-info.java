/**
 * Takes over what an earlier agent left, and follows what the kernel tells: its events and timers.
 */
@NullMarked
package org.pinholed.agent.lifecycle;

import org.jspecify.annotations.NullMarked;
