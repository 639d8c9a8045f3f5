/**
 * FTP (RFC 959, 2228, 2428, 4217): reads commands and replies and announces the data connections of
 * PORT, EPRT, PASV and EPSV.
 */
@NullMarked
package org.pinholed.helper.ftp;

import org.jspecify.annotations.NullMarked;
