/**
 * Runs any helper through what strangers and networks do to it: {@link
 * org.pinholed.helper.testkit.HelperKit} is where to begin. Needs nothing but the JDK and the SPI;
 * a check that fails throws an {@link AssertionError} that says what was sent.
 */
@NullMarked
package org.pinholed.helper.testkit;

import org.jspecify.annotations.NullMarked;
