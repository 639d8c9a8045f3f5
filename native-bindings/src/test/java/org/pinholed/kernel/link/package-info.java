/** Tests of what the kernel tells of network devices. */
@NullMarked
package org.pinholed.kernel.link;

import org.jspecify.annotations.NullMarked;
