/** One packet queue with its thread: turns, batches, verdicts, and what others ask of it. */
@NullMarked
package org.pinholed.agent.worker;

import org.jspecify.annotations.NullMarked;
