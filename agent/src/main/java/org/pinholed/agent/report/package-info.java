/** Says what happened, to the event log and to the counters, in one place. */
@NullMarked
package org.pinholed.agent.report;

import org.jspecify.annotations.NullMarked;
