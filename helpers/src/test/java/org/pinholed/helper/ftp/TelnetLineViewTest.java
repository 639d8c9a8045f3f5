package org.pinholed.helper.ftp;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.text.LineView;

class TelnetLineViewTest {
  /** A view of text; each char of it is one byte. */
  static LineView of(String text) {
    byte[] bytes = ("<<" + text + ">>").getBytes(ISO_8859_1);
    ByteCursor cursor = new ByteCursor().wrap(ByteBuffer.wrap(bytes), 0, bytes.length, 0);
    return new TelnetLineView().wrap(cursor, 2, bytes.length - 2);
  }

  static String rest(LineView line) {
    StringBuilder text = new StringBuilder();
    while (line.current() != LineView.END) {
      text.append((char) line.current());
      line.advance();
    }
    return text.toString();
  }

  @ParameterizedTest
  @CsvSource({
    // IAC IAC is one byte 255
    "'a\u00ff\u00ffb','a\u00ffb'",
    // IAC IP, IAC DM before ABOR (RFC 959 section 4.1.3)
    "'\u00ff\u00f4\u00ff\u00f2ABOR','ABOR'",
    // IAC WILL/WONT/DO/DONT option
    "'P\u00ff\u00fb\u0001A\u00ff\u00fc\u0001S\u00ff\u00fd\u0001V\u00ff\u00fe\u0001','PASV'",
    // IAC SB ... IAC SE, with an IAC IAC in it
    "'P\u00ff\u00fa\u0018x\u00ff\u00ffy\u00ff\u00f0ORT','PORT'",
    // an IAC SB without end goes to the end of the line, one option byte may be cut
    "'A\u00ff\u00faBCD','A'",
    "'A\u00ff\u00fabc\u00ff','A'",
    "'A\u00ff\u00fb','A'",
    // IAC NOP and IAC SE alone
    "'A\u00ff\u00f1B\u00ff\u00f0C','ABC'",
    // Latin-1 names with a bare 255
    "'na\u00ffme','na\u00ffme'",
    "'name\u00ff','name\u00ff'",
    // bare CR is no line end
    "'\rPA\rSV\r','PASV'",
    "'',''",
  })
  void telnetSequences_areSkipped(String wire, String characters) {
    assertEquals(characters, rest(of(wire)));
  }

  @Test
  void behindTheEnd_itStays() {
    LineView line = of("a");
    line.advance();
    line.advance();
    line.skipSpaces();
    assertEquals(LineView.END, line.current());
  }
}
