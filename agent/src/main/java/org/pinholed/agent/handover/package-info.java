/** What a process leaves to the one that takes its place, and how it gets there. */
@NullMarked
package org.pinholed.agent.handover;

import org.jspecify.annotations.NullMarked;
