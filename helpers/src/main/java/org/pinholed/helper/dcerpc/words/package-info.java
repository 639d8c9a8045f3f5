/**
 * The words of DCE-RPC (C706) that operators and the code share: UUIDs, the names of well-known
 * interfaces, and the reasons why something is not opened or not read.
 */
@NullMarked
package org.pinholed.helper.dcerpc.words;

import org.jspecify.annotations.NullMarked;
