/** Tests of the metrics. */
@NullMarked
package org.pinholed.agent.metrics;

import org.jspecify.annotations.NullMarked;
