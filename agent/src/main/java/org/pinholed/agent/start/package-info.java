/**
 * What the program is put together from, in which order it starts and stops, and what it reloads.
 */
@NullMarked
package org.pinholed.agent.start;

import org.jspecify.annotations.NullMarked;
