/**
 * Headers of DCE-RPC as they stand in the packet: PDUs of version 5 over TCP (C706 chapter 12,
 * MS-RPCE 2.2.2), and datagrams of version 4 over UDP.
 */
@NullMarked
package org.pinholed.helper.dcerpc.pdu;

import org.jspecify.annotations.NullMarked;
