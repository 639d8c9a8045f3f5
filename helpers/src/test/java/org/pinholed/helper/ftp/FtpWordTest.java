package org.pinholed.helper.ftp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.helper.Reason;

class FtpWordTest {
  private static FtpWord verb(String line) {
    return FtpWord.readVerb(TelnetLineViewTest.of(line));
  }

  @ParameterizedTest
  @EnumSource(value = FtpWord.class, mode = EnumSource.Mode.MATCH_ALL, names = "[A-Z]{3,4}")
  void everyVerb_isReadInBothCases(FtpWord word) {
    assertSame(word, verb(word.word()));
    assertSame(word, verb(word.word().toLowerCase(Locale.ROOT) + " x"));
    assertSame(FtpWord.OTHER, verb(word.word() + "X"));
    assertSame(FtpWord.OTHER, verb(word.word() + "-"));
  }

  @ParameterizedTest
  @CsvSource({
    "'',EMPTY",
    "XYZ,OTHER",
    "' PASV',OTHER",
    "PASVE,OTHER",
    "PASV1,OTHER",
    "EPSV_ALL,OTHER",
    "220,OTHER",
    "@ASV,OTHER"
  })
  void otherLines(String line, FtpWord expected) {
    assertSame(expected, verb(line));
  }

  @Test
  void codes_haveTheirWords() {
    assertSame(FtpWord.REPLY_227, FtpWord.ofCode(227));
    assertEquals("227", FtpWord.REPLY_227.word());
    assertNull(FtpWord.ofCode(999));
    assertEquals("EPSV ALL", FtpWord.EPSV_ALL.word());
  }

  @ParameterizedTest
  @EnumSource(FtpReason.class)
  void everyReason_isExplainedInOneSentence(FtpReason reason) {
    assertTrue(reason.explanation().length() > 10);
    assertFalse(reason.explanation().endsWith("."));
    assertTrue(reason.kind() != Reason.Kind.MALFORMED);
  }
}
