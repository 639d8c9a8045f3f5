package org.pinholed.helper.text;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.Chars;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.helper.ByteCursor;

class LineViewTest {
  /** A cursor over text; each char of it is one byte, the first one at index 2. */
  static ByteCursor cursor(String text) {
    byte[] bytes = ("<<" + text + ">>").getBytes(ISO_8859_1);
    return new ByteCursor().wrap(ByteBuffer.wrap(bytes), 0, bytes.length, 0);
  }

  static LineView of(String text) {
    return new LineView().wrap(cursor(text), 2, 2 + text.length());
  }

  static LineView folded(String text) {
    return new FoldedLineView().wrap(cursor(text), 2, 2 + text.length());
  }

  static String rest(LineView line) {
    StringBuilder text = new StringBuilder();
    while (line.current() != LineView.END) {
      text.append((char) line.current());
      line.advance();
    }
    return text.toString();
  }

  @Property
  void eachByte_isACharacter(
      @ForAll @StringLength(max = 20) @CharRange(to = '\u00ff') String text) {
    LineView line = of(text);
    assertEquals(text, rest(line));
    line.rewind();
    assertEquals(text, rest(line));
  }

  @Test
  void behindTheEnd_itStays() {
    LineView line = of("a");
    line.advance();
    line.advance();
    line.skipSpaces();
    assertEquals(LineView.END, line.current());
    assertFalse(line.skipTo('a'));
    assertFalse(line.skipQuoted());
  }

  @Test
  void aSpan_isWhereAFieldStands() {
    LineView line = of("tag=AbC ;x");
    assertTrue(line.skipTo('='));
    assertTrue(line.accept('='));
    assertFalse(line.accept('='));
    line.beginSpan();
    line.skipTo(' ');
    line.endSpan();
    assertEquals(4, line.spanOffset());
    assertEquals(3, line.spanLengthBytes());
    assertEquals('A', line.spanFirst());
    assertTrue(line.spanIs("AbC".getBytes(US_ASCII)));
    assertFalse(line.spanIs("abc".getBytes(US_ASCII)));
    assertFalse(line.spanIs("AbCd".getBytes(US_ASCII)));
    assertTrue(line.spanIsWord("abc".getBytes(US_ASCII)));
    assertFalse(line.spanIsWord("abd".getBytes(US_ASCII)));
    assertFalse(line.spanIsWord("ab".getBytes(US_ASCII)));
    assertArrayEquals("AbC".getBytes(US_ASCII), line.spanBytes());
    line.skipSpaces();
    assertEquals(";x", rest(line));
    line.beginSpan();
    line.endSpan();
    assertEquals(0, line.spanLengthBytes());
    assertEquals(10, line.spanOffset());
  }

  @Test
  void aWord_isComparedByLettersOnly() {
    LineView line = of("[i]");
    line.beginSpan();
    line.skipTo(LineView.END);
    line.endSpan();
    assertFalse(line.spanIsWord("{i}".getBytes(US_ASCII)), "0x5b and 0x7b differ in one bit, too");
    assertTrue(line.spanIsWord("[i]".getBytes(US_ASCII)));
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      value = {
        // wire, whether it is one, what stands behind
        "`\"a;b\" <x>`,true,` <x>`",
        "`\"\"x`,true,x",
        // RFC 4475 section 3.1.1.1: quoted characters of any kind
        "`\"J Rosenberg \\\\\\\"\"<x>`,true,<x>",
        "`\"a\\\"`,false,``",
        "`\"a`,false,``",
        "`\"a\\`,false,``",
        "`\"`,false,``",
        "`a\"b\"`,false,`a\"b\"`",
      })
  void quotedStrings(String wire, boolean isOne, String behind) {
    LineView line = of(wire);
    assertEquals(isOne, line.skipQuoted());
    assertEquals(behind, rest(line));
  }

  @ParameterizedTest
  @CsvSource({
    // RFC 3261 section 7.3.1: a long line, and the same folded
    "'Subject: I know you are there,\r\n pick up','Subject: I know you are there, pick up'",
    "'a\r\n\t \tb','a b'",
    "'a \r\n b','a  b'",
    "'a\n b','a b'",
    "'a\r\n \r\n b','a b'",
    "'a\r\n ','a '",
    "'\r\n a',' a'",
    // a line end at the end is no fold of anything, and a bare CR is a character
    "'a\rb','a\rb'",
    "'a\r','a\r'",
    "'a\r\n','a '",
    "'a\r\r\n b','a\r b'",
    "'',''",
  })
  void aFoldIsOneSpace(String wire, String characters) {
    assertEquals(characters, rest(folded(wire)));
  }

  @Test
  void spansOverAFold_keepItsBytes() {
    LineView line = folded("a;b\r\n ;c d");
    line.beginSpan();
    line.skipTo('c');
    line.endSpan();
    assertEquals("a;b\r\n ;", new String(line.spanBytes(), US_ASCII));
    line.rewind();
    line.skipTo(' ');
    line.skipSpaces();
    line.beginSpan();
    line.skipTo(' ');
    line.endSpan();
    assertEquals(6, line.spanOffset());
    assertEquals(2, line.spanLengthBytes());
  }

  @Property
  void aFoldedLine_readsAsTheUnfoldedOne(
      @ForAll @StringLength(max = 20) @Chars({'a', ' ', '\t', '\r', '\n'}) String wire) {
    String unfolded = wire.replaceAll("(\r?\n[ \t]*)+", " ");
    assertEquals(unfolded, rest(folded(wire)));
  }

  @Test
  void indexOfLineFeed_isTheFirstOne() {
    ByteCursor bytes = cursor("ab\n\n");
    assertEquals(4, LineView.indexOfLineFeed(bytes, 0, 6));
    assertEquals(5, LineView.indexOfLineFeed(bytes, 5, 6));
    assertEquals(-1, LineView.indexOfLineFeed(bytes, 0, 4));
    assertEquals(-1, LineView.indexOfLineFeed(bytes, 6, 6));
  }
}
