/** Tests that look at several packages of the bindings at once. */
@NullMarked
package org.pinholed.kernel;

import org.jspecify.annotations.NullMarked;
