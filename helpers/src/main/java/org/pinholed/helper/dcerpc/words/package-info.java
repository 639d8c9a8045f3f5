/**
 * The words of DCE-RPC (C706, MS-RPCE, MS-DCOM) that operators and the code share: UUIDs and the
 * names of well-known interfaces, transfer syntaxes, PDUs and calls, and the reasons why something
 * is not opened or not read.
 */
@NullMarked
package org.pinholed.helper.dcerpc.words;

import org.jspecify.annotations.NullMarked;
