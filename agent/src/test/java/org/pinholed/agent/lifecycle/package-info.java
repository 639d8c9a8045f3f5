/** Tests of kernel events and timers. */
@NullMarked
package org.pinholed.agent.lifecycle;

import org.jspecify.annotations.NullMarked;
