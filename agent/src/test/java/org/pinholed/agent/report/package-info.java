/** Tests of what is said to log and counters. */
@NullMarked
package org.pinholed.agent.report;

import org.jspecify.annotations.NullMarked;
