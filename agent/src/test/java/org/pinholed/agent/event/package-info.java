/** Tests of the event log. */
@NullMarked
package org.pinholed.agent.event;

import org.jspecify.annotations.NullMarked;
