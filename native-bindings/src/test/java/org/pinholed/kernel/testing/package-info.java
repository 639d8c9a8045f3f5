/** What the tests against the real kernel share: a network namespace of their own. */
@NullMarked
package org.pinholed.kernel.testing;

import org.jspecify.annotations.NullMarked;
