/** What opens and shuts pinholes in the kernel, behind one interface. */
@NullMarked
package org.pinholed.agent.pinhole;

import org.jspecify.annotations.NullMarked;
