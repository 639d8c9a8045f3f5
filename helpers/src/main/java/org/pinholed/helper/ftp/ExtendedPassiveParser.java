package org.pinholed.helper.ftp;

import org.pinholed.helper.text.LineView;

/** Finds the port in the text of a 229 reply (RFC 2428 section 3). */
final class ExtendedPassiveParser {
  private ExtendedPassiveParser() {}

  /**
   * Finds {@code (|||6446|)}. Family and address are empty by the RFC; where a server fills them
   * they are given back to be checked. The delimiter may be another character. Without parentheses
   * only {@code |} is taken for one, because {@code ...} is found in prose.
   *
   * @param line behind the reply code
   * @param address takes the address if there is one; 16 bytes
   * @return as {@link ExtendedPortParser#parseFields}; of several tries that fail, the first reason
   *     that says more than that something is missing
   */
  static long find(LineView line, byte[] address) {
    long result = ExtendedPortParser.MISSING_FIELDS;
    while (line.current() != LineView.END) {
      boolean parenthesis = line.accept('(');
      if (parenthesis || line.current() == '|') {
        // Where it goes wrong another parenthesis may begin: that byte is looked at again.
        long fields = ExtendedPortParser.parseFields(line, address, true);
        if (fields >= 0) {
          return fields;
        }
        if (result == ExtendedPortParser.MISSING_FIELDS) {
          result = fields;
        }
      } else {
        line.advance();
      }
    }
    return result;
  }
}
