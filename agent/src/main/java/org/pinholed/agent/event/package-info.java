/** What happened, for the event log. */
@NullMarked
package org.pinholed.agent.event;

import org.jspecify.annotations.NullMarked;
