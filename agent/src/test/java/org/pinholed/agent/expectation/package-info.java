/** Tests of the expectation table. */
@NullMarked
package org.pinholed.agent.expectation;

import org.jspecify.annotations.NullMarked;
