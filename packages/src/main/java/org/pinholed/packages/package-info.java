/** What is made of the programs' own descriptions when they are packed. */
@NullMarked
package org.pinholed.packages;

import org.jspecify.annotations.NullMarked;
