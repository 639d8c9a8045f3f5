/** The expectation table: what was announced, what is open, what came. */
@NullMarked
package org.pinholed.agent.expectation;

import org.jspecify.annotations.NullMarked;
