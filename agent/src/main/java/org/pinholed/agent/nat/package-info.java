/** Rewrites payload for translated flows: which bytes, when, and the packet around them. */
@NullMarked
package org.pinholed.agent.nat;

import org.jspecify.annotations.NullMarked;
