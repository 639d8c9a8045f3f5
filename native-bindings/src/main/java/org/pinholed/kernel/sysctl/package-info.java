/** The kernel's settings: what stands in the files of {@code /proc/sys}. */
@NullMarked
package org.pinholed.kernel.sysctl;

import org.jspecify.annotations.NullMarked;
