/** The kernel's network devices: hear of those that go down or up. */
@NullMarked
package org.pinholed.kernel.link;

import org.jspecify.annotations.NullMarked;
