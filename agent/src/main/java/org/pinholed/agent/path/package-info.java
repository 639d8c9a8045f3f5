/** A packet from view to verdict: where it came in, what is read of it, what is changed in it. */
@NullMarked
package org.pinholed.agent.path;

import org.jspecify.annotations.NullMarked;
