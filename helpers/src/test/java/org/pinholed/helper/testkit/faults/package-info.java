/** Helpers with a fault each, to show that the kit finds them. */
@NullMarked
package org.pinholed.helper.testkit.faults;

import org.jspecify.annotations.NullMarked;
