package org.pinholed.helper.sip.message;

import java.nio.charset.StandardCharsets;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.sip.words.SipHeader;
import org.pinholed.helper.text.FoldedLineView;
import org.pinholed.helper.text.HeaderLines;
import org.pinholed.helper.text.LineView;

/**
 * Where a message describes its session: its body, or one part of a multipart body (RFC 5621, RFC
 * 2046 section 5.1). The span is the SDP, empty if there is none. Parts within parts are not looked
 * into, and nothing that is packed, or meant for something else than the session. A flyweight like
 * {@link Span}.
 */
final class SdpPart extends Span {
  private static final int CR = '\r';
  private static final byte[] BOUNDARY = word("boundary");
  private static final byte[] SESSION = word("session");
  private static final byte[] IDENTITY = word("identity");
  private static final byte[][] PLAIN = {word("7bit"), word("8bit"), word("binary")};

  private final FoldedLineView line = new FoldedLineView();
  private final HeaderLines lines = new HeaderLines();
  private final HeaderLine name = new HeaderLine();
  private final Span boundary = new Span();

  SdpPart() {}

  private static byte[] word(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /** What a line of a multipart body is. */
  private enum Delimiter {
    NONE,
    BETWEEN,
    LAST,
    /** It begins like one, which is enough for some readers (RFC 2046 section 5.1.1). */
    DOUBTFUL
  }

  /**
   * Looks for SDP.
   *
   * @param message whose head and body are known
   * @return false if two readers may find another one each, or a part does not end
   */
  boolean find(SipMessage message) {
    ByteCursor bytes = message.cursor();
    int from = message.bodyStart();
    int to = message.bodyEnd();
    set(bytes, to, to);
    if (from == to
        || !message.begin(SipHeader.CONTENT_TYPE, line)
        || !isForSession(message)
        || isPacked(message)) {
      return true;
    }
    message.begin(SipHeader.CONTENT_TYPE, line);
    return switch (MediaType.read(line)) {
      case SDP -> {
        set(bytes, from, to);
        yield true;
      }
      case MULTIPART -> readBoundary(bytes) && findPart(bytes, from, to);
      case OTHER -> true;
    };
  }

  private boolean isForSession(SipMessage message) {
    return !message.begin(SipHeader.CONTENT_DISPOSITION, line) || isWord(line, SESSION);
  }

  private boolean isPacked(SipMessage message) {
    return message.begin(SipHeader.CONTENT_ENCODING, line) && !isWord(line, IDENTITY);
  }

  // Whether the value begins with a word.
  private static boolean isWord(LineView value, byte[] word) {
    value.skipSpaces();
    value.beginSpan();
    while (value.current() > ' ' && value.current() != ';' && value.current() != ',') {
      value.advance();
    }
    value.endSpan();
    return value.spanIsWord(word);
  }

  // Reads the parameter behind the type: up to 70 characters, with or without quotes.
  private boolean readBoundary(ByteCursor bytes) {
    boundary.setAbsent();
    line.skipSpaces();
    while (line.accept(';')) {
      line.skipSpaces();
      line.beginSpan();
      while (isOfParameter(line.current()) && line.current() != '=') {
        line.advance();
      }
      line.endSpan();
      boolean isBoundary = line.spanIsWord(BOUNDARY);
      line.skipSpaces();
      if (!line.accept('=')) {
        continue;
      }
      line.skipSpaces();
      boolean isQuoted = line.current() == '"';
      line.beginSpan();
      if (isQuoted) {
        if (!line.skipQuoted()) {
          return false;
        }
      } else {
        while (isOfParameter(line.current())) {
          line.advance();
        }
      }
      line.endSpan();
      if (isBoundary) {
        if (!boundary.isAbsent()) {
          return false;
        }
        int quote = isQuoted ? 1 : 0;
        boundary.set(bytes, line.spanFrom() + quote, line.spanTo() - quote);
      }
      line.skipSpaces();
    }
    return line.current() == LineView.END && !boundary.isEmpty();
  }

  private static boolean isOfParameter(int character) {
    return character > ' ' && character != ';' && character != '"';
  }

  private boolean findPart(ByteCursor bytes, int from, int to) {
    int partFrom = -1;
    int at = from;
    while (at < to) {
      int lineFeed = LineView.indexOfLineFeed(bytes, at, to);
      int lineTo = lineFeed < 0 ? to : lineFeed;
      Delimiter delimiter = delimiter(bytes, at, lineTo);
      if (delimiter == Delimiter.DOUBTFUL) {
        return false;
      }
      if (delimiter != Delimiter.NONE) {
        if (partFrom >= 0 && !readPart(bytes, partFrom, behindPart(bytes, partFrom, at))) {
          return false;
        }
        if (delimiter == Delimiter.LAST) {
          return true;
        }
        partFrom = lineFeed < 0 ? to : lineFeed + 1;
      }
      at = lineFeed < 0 ? to : lineFeed + 1;
    }
    return false;
  }

  // The line end before a delimiter belongs to the delimiter.
  private static int behindPart(ByteCursor bytes, int from, int delimiter) {
    int to = Math.max(from, delimiter - 1);
    return to > from && bytes.u8At(to - 1) == CR ? to - 1 : to;
  }

  private Delimiter delimiter(ByteCursor bytes, int from, int to) {
    int at = from + 2;
    if (to - at < boundary.lengthBytes()
        || bytes.u8At(from) != '-'
        || bytes.u8At(from + 1) != '-') {
      return Delimiter.NONE;
    }
    for (int index = boundary.from(); index < boundary.to(); index++) {
      if (bytes.u8At(at++) != bytes.u8At(index)) {
        return Delimiter.NONE;
      }
    }
    boolean isLast = to - at >= 2 && bytes.u8At(at) == '-' && bytes.u8At(at + 1) == '-';
    if (isLast) {
      at += 2;
    }
    while (at < to && isBlank(bytes.u8At(at))) {
      at++;
    }
    if (at < to && bytes.u8At(at) == CR) {
      at++;
    }
    if (at < to) {
      return Delimiter.DOUBTFUL;
    }
    return isLast ? Delimiter.LAST : Delimiter.BETWEEN;
  }

  // Takes a part for the SDP if it is; false if it is a second one.
  private boolean readPart(ByteCursor bytes, int from, int to) {
    boolean isSdp = false;
    boolean isReadable = true;
    int headEnd = lines.findEnd(bytes, from, to);
    lines.forget();
    if (headEnd == HeaderLines.NONE) {
      return true;
    }
    lines.wrap(bytes, from, headEnd);
    while (lines.next()) {
      if (!name.read(bytes, lines.start(), lines.end())) {
        return true;
      }
      line.wrap(bytes, name.behindColon(), lines.end());
      switch (name.header()) {
        case CONTENT_TYPE -> isSdp = MediaType.read(line) == MediaType.SDP;
        case CONTENT_DISPOSITION -> isReadable &= isWord(line, SESSION);
        case CONTENT_ENCODING -> isReadable &= isWord(line, IDENTITY);
        case CONTENT_TRANSFER_ENCODING -> isReadable &= isPlain(line);
        default -> {}
      }
    }
    if (!isSdp || !isReadable) {
      return true;
    }
    if (!isEmpty()) {
      return false;
    }
    set(bytes, headEnd, to);
    return true;
  }

  private static boolean isPlain(LineView value) {
    value.skipSpaces();
    value.beginSpan();
    while (value.current() > ' ' && value.current() != ';') {
      value.advance();
    }
    value.endSpan();
    for (byte[] word : PLAIN) {
      if (value.spanIsWord(word)) {
        return true;
      }
    }
    return false;
  }

  private static boolean isBlank(int octet) {
    return octet == ' ' || octet == '\t';
  }
}
