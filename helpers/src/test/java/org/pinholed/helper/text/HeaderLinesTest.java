package org.pinholed.helper.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Chars;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.ByteCursor;

class HeaderLinesTest {
  /** Where the text begins in the cursors of {@link LineViewTest#cursor}. */
  private static final int FROM = 2;

  private static List<String> lines(String head) {
    ByteCursor bytes = LineViewTest.cursor(head);
    HeaderLines lines = new HeaderLines().wrap(bytes, FROM, FROM + head.length());
    List<String> found = new ArrayList<>();
    LineView line = new FoldedLineView();
    int behind = FROM;
    while (lines.next()) {
      assertEquals(behind, lines.start());
      behind = lines.behind();
      line.wrap(bytes, lines.start(), lines.end());
      found.add(LineViewTest.rest(line));
    }
    assertFalse(lines.next());
    return found;
  }

  @Test
  void theLinesOfAHead() {
    String head =
        "INVITE sip:a SIP/2.0\r\nv: SIP/2.0/UDP a\r\n ;x\r\n\t;y\r\nm:\n <sip:b>\r\nl:0\n\r\n";
    assertEquals(
        List.of("INVITE sip:a SIP/2.0", "v: SIP/2.0/UDP a ;x ;y", "m: <sip:b>", "l:0"),
        lines(head + "v=0\r\n"));
    assertEquals(
        FROM + head.length(),
        new HeaderLines().findEnd(LineViewTest.cursor(head), FROM, FROM + head.length()));
  }

  @Test
  void aHeadWithoutEnd_isReadToItsLastByte() {
    assertEquals(List.of("a", "b"), lines("a\r\nb"));
    assertEquals(List.of("a", "b\r"), lines("a\r\nb\r"));
    assertEquals(List.of("a"), lines("a\r\n"));
    assertEquals(List.of("a "), lines("a\r\n  \r\n\r\n"));
    assertEquals(List.of(), lines("\r\na"));
    assertEquals(List.of(), lines(""));
    assertEquals(List.of(" a"), lines(" a"));
  }

  @Test
  void anEmptyHead_endsAtOnce() {
    assertEquals(FROM + 2, new HeaderLines().findEnd(LineViewTest.cursor("\r\nx"), FROM, FROM + 3));
    assertEquals(FROM + 1, new HeaderLines().findEnd(LineViewTest.cursor("\nx"), FROM, FROM + 2));
  }

  @Property(tries = 3000)
  void byteByByte_theEndIsFoundAtTheSameByte(
      @ForAll @StringLength(max = 16) @Chars({'a', ' ', '\r', '\n'}) String text) {
    ByteCursor bytes = LineViewTest.cursor(text);
    int whole = new HeaderLines().findEnd(bytes, FROM, FROM + text.length());
    HeaderLines torn = new HeaderLines();
    int found = HeaderLines.NONE;
    for (int length = 0; length <= text.length() && found == HeaderLines.NONE; length++) {
      found = torn.findEnd(bytes, FROM, FROM + length);
    }
    assertEquals(whole, found);
    java.util.regex.Matcher end = java.util.regex.Pattern.compile("(^|\n)\r?\n").matcher(text);
    assertEquals(end.find() ? FROM + end.end() : HeaderLines.NONE, whole);
  }

  @Test
  void afterAHead_theNextOneIsLookedForFromItsStart() {
    ByteCursor bytes = LineViewTest.cursor("a\n\nbb\n\n");
    HeaderLines lines = new HeaderLines();
    assertEquals(HeaderLines.NONE, lines.findEnd(bytes, 2, 4));
    assertEquals(5, lines.findEnd(bytes, 2, 9));
    assertEquals(9, lines.findEnd(bytes, 5, 9));
    assertEquals(HeaderLines.NONE, lines.findEnd(bytes, 5, 8));
    lines.forget();
    assertEquals(5, lines.findEnd(bytes, 2, 9));
  }

  @Test
  void byteByByte_eachByteIsLookedAtAFewTimes() {
    int[] reads = new int[1];
    ByteCursor counting =
        new ByteCursor() {
          @Override
          public int u8At(int index) {
            reads[0]++;
            return super.u8At(index);
          }
        };
    String text = "ab: c\r\n".repeat(1000);
    ByteCursor bytes = LineViewTest.cursor(text);
    counting.wrap(bytes.buffer(), 0, bytes.buffer().capacity(), 0);
    HeaderLines lines = new HeaderLines();
    for (int length = 0; length <= text.length(); length++) {
      assertEquals(HeaderLines.NONE, lines.findEnd(counting, FROM, FROM + length));
    }
    assertTrue(reads[0] <= 2 * text.length(), reads[0] + " reads");
  }
}
