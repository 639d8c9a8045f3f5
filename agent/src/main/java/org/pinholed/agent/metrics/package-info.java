/** What is counted, for Prometheus. */
@NullMarked
package org.pinholed.agent.metrics;

import org.jspecify.annotations.NullMarked;
