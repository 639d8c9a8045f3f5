/** Start, stop, reload, timers and kernel events: everything that is not the packet path. */
@NullMarked
package org.pinholed.agent.lifecycle;

import org.jspecify.annotations.NullMarked;
