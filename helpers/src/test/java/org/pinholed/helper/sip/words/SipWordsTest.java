package org.pinholed.helper.sip.words;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.ByteCursor;

class SipWordsTest {
  private static ByteCursor cursor(String text) {
    byte[] bytes = text.getBytes(US_ASCII);
    return new ByteCursor().wrap(ByteBuffer.wrap(bytes), 0, bytes.length, 0);
  }

  private static SipHeader header(String name) {
    return SipHeader.of(cursor("x" + name + "y"), 1, 1 + name.length());
  }

  @ParameterizedTest
  @EnumSource(value = SipHeader.class, names = "OTHER", mode = EnumSource.Mode.EXCLUDE)
  void aHeader_inCapitalLettersOrNot(SipHeader header) {
    assertEquals(header, header(header.text()));
    assertEquals(header, header(header.text().toLowerCase(Locale.ROOT)));
    assertEquals(header, header(header.text().toUpperCase(Locale.ROOT)));
    assertEquals(SipHeader.OTHER, header(header.text() + "x"));
    assertEquals(SipHeader.OTHER, header(header.text().substring(1)));
    assertEquals(SipHeader.OTHER, header(header.text().replaceFirst(".$", "~")));
  }

  /** RFC 3261 section 7.3.3, RFC 3515, RFC 4028. */
  @ParameterizedTest
  @CsvSource({
    "v, VIA",
    "m, CONTACT",
    "r, REFER_TO",
    "f, FROM",
    "t, TO",
    "i, CALL_ID",
    "l, CONTENT_LENGTH",
    "c, CONTENT_TYPE",
    "e, CONTENT_ENCODING",
    "x, SESSION_EXPIRES",
    "s, OTHER",
    "k, OTHER",
    "o, OTHER",
    "u, OTHER",
    "b, OTHER",
    "d, OTHER",
    "j, OTHER",
    "n, OTHER",
    "y, OTHER",
    "a, OTHER",
    "1, OTHER",
    "[, OTHER",
    "@, OTHER",
    "`, OTHER",
    "{, OTHER",
    "'', OTHER"
  })
  void compactForms(String form, SipHeader header) {
    assertEquals(header, header(form));
    assertEquals(header, header(form.toUpperCase(Locale.ROOT)));
  }

  @Test
  void eachHeader_hasAPlaceOfItsOwn() {
    Set<Integer> places = new HashSet<>();
    for (SipHeader header : SipHeader.values()) {
      assertTrue(header.index() >= 0 && header.index() < SipHeader.COUNT);
      assertTrue(places.add(header.index()));
    }
    assertTrue(SipHeader.CALL_ID.isSingle());
    assertFalse(SipHeader.CONTACT.isSingle());
    assertFalse(SipHeader.OTHER.isSingle());
  }

  @ParameterizedTest
  @EnumSource(SipWord.class)
  void methods(SipWord word) {
    String text = word.word();
    SipWord expected = word.isAnswer() ? SipWord.OTHER : word;
    assertEquals(expected, SipWord.ofMethod(cursor(text), 0, text.length()));
    if (!word.isAnswer() && word != SipWord.OTHER) {
      assertEquals(SipWord.OTHER, SipWord.ofMethod(cursor(text), 0, text.length() - 1));
      assertEquals(SipWord.OTHER, SipWord.ofMethod(cursor(text + "S"), 0, text.length() + 1));
      assertEquals(
          SipWord.OTHER, // capital letters count (RFC 3261 section 7.1)
          SipWord.ofMethod(cursor(text.toLowerCase(Locale.ROOT)), 0, text.length()));
    }
  }

  @ParameterizedTest
  @CsvSource({"100, 1xx", "183, 1xx", "200, 2xx", "302, 3xx", "407, 4xx", "503, 5xx", "699, 6xx"})
  void answers(int status, String word) {
    assertEquals(word, SipWord.ofStatus(status).word());
    assertTrue(SipWord.ofStatus(status).isAnswer());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 99, 700})
  void answersOfNoClass(int status) {
    assertThrows(IllegalArgumentException.class, () -> SipWord.ofStatus(status));
  }

  @Test
  void fields() {
    assertEquals("recordRoute", SipField.RECORD_ROUTE.word());
    assertEquals("via", SipField.VIA.word());
  }

  @ParameterizedTest
  @EnumSource(SipReason.class)
  void aReason_isExplainedInOneSentence(SipReason reason) {
    assertFalse(reason.explanation().isBlank());
    assertFalse(reason.explanation().endsWith("."));
    assertEquals(reason, SipReason.valueOf(reason.name()));
    assertFalse(reason.kind().name().isEmpty());
  }
}
