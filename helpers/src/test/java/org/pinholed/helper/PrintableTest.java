package org.pinholed.helper;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import org.junit.jupiter.api.Test;
import org.pinholed.helper.ftp.FtpWord;

class PrintableTest {
  @Test
  void of_printable_isTheSame() {
    String text = "call ab12 <alice> \\ \"~\" -> bob";
    assertSame(text, Printable.of(text));
    assertEquals("", Printable.of(""));
  }

  @Test
  void of_others_areEscapedByTheirNumber() {
    assertEquals(
        "a\\x1b[31m\\x00\\x7f\\xe9\\u2028b", Printable.of("a\u001b[31m\0\u007f\u00e9\u2028b"));
  }

  @Test
  void of_withALength_isCutBehindTheEscapes_andSaysSo() {
    assertEquals("12345678", Printable.of("12345678", 8));
    assertEquals("1234567~", Printable.of("123456789", 8));
    assertEquals("1234\\x0a", Printable.of("1234\n", 8));
    assertEquals("12345\\x~", Printable.of("12345\n", 8));
    assertEquals("\\x00\\x0~", Printable.of("\0".repeat(1_000_000), 8));
  }

  @Test
  void labelAndField_areEscapedAndBounded_whereverTheyAreShown() {
    ExpectationRequest request =
        ExpectationRequest.builder(
                "g",
                Direction.ORIGINAL,
                new Endpoint(java.net.InetAddress.getLoopbackAddress(), 30000),
                FtpWord.REPLY_227)
            .label("\u001b]0;x")
            .field("\n".repeat(200))
            .build();
    assertEquals("\\x1b]0;x", request.label());
    assertEquals(120, request.field().length());
    assertEquals("~", request.field().substring(119));
  }
}
