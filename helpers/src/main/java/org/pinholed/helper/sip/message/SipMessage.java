package org.pinholed.helper.sip.message;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.sip.words.SipHeader;
import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.sip.words.SipWord;
import org.pinholed.helper.text.Decimals;
import org.pinholed.helper.text.FoldedLineView;
import org.pinholed.helper.text.HeaderLines;
import org.pinholed.helper.text.LineView;

/**
 * One SIP message (RFC 3261 section 7), where it is. All indices are those of the cursor's buffer.
 *
 * <p>Strict where two readers may take a message for different things; whatever does not matter
 * here may be anything. Reading takes linear time and allocates nothing. A flyweight: not
 * thread-safe, one per thread, re-used by {@link #read}, and of use only as long as the bytes under
 * it.
 */
public final class SipMessage {
  /** What {@link #firstLine} and {@link #nextLine} say if there is none. */
  public static final int NO_LINE = -1;

  /** Most header lines that are read. */
  public static final int LINES_MAX = 256;

  /** Most bytes of a message, head and body together. */
  public static final int LENGTH_MAX_BYTES = 65535;

  private static final long SECONDS_MAX = 0xffffffffL;
  private static final long CSEQ_MAX = 0x7fffffffL;
  private static final ByteCursor NOTHING = new ByteCursor();

  private final HeaderLines lines = new HeaderLines();
  private final HeaderLines ends = new HeaderLines();
  private final FoldedLineView line = new FoldedLineView();
  private final HeaderIndex headers = new HeaderIndex();

  private final StartLine startLine = new StartLine();
  private final ViaView via = new ViaView();
  private final AddressView from = new AddressView();
  private final AddressView to = new AddressView();
  private final Span callId = new Span();
  private final Span methodOfCseq = new Span();
  private final Span contentLengthDigits = new Span();
  private final SdpPart sdp = new SdpPart();

  private ByteCursor bytes = NOTHING;
  private SipWord method = SipWord.OTHER;
  private long cseq;
  private int bodyStart;
  private int bodyEnd;
  private long expires;
  private long sessionExpires;

  /** Makes a view of nothing; see {@link #read}. */
  public SipMessage() {}

  /**
   * Where a datagram may begin to be a message of SIP. Line ends in front of the start line are
   * skipped, as all readers do: some senders glue a keep-alive to a message. What is none passes
   * without a word: keep-alives of line ends or zeros (RFC 5626 section 3.5.1), STUN, and whatever
   * begins with no letter.
   *
   * @param bytes the datagram
   * @param from index of its first byte
   * @param limit index behind its last byte
   * @return index of the start line; {@link #NO_LINE} if it is none
   */
  public static int start(ByteCursor bytes, int from, int limit) {
    int at = from;
    while (at < limit && isLineEnd(bytes.u8At(at))) {
      at++;
    }
    return at < limit && isLetter(bytes.u8At(at)) ? at : NO_LINE;
  }

  /**
   * Whether a datagram of which {@link #start} finds nothing may be a message to some readers:
   * zeros or white space stand in front of a letter.
   *
   * @param bytes the datagram
   * @param from index of its first byte
   * @param limit index behind its last byte
   * @return false for keep-alives and for what is none of SIP's
   */
  public static boolean isDoubtful(ByteCursor bytes, int from, int limit) {
    int at = from;
    while (at < limit && (isLineEnd(bytes.u8At(at)) || isBlankOrZero(bytes.u8At(at)))) {
      at++;
    }
    return at < limit && isLetter(bytes.u8At(at));
  }

  private static boolean isLineEnd(int octet) {
    return octet == '\r' || octet == '\n';
  }

  private static boolean isBlankOrZero(int octet) {
    return octet == ' ' || octet == '\t' || octet == 0;
  }

  private static boolean isLetter(int octet) {
    int small = octet | 0x20;
    return small >= 'a' && small <= 'z';
  }

  /**
   * Reads a message that is a datagram.
   *
   * @param source the datagram; its own position and limit are not used
   * @param start index of its start line
   * @param limit index behind its last byte
   * @return null if it was read; else why nothing of this view is defined
   */
  public @Nullable SipReason readDatagram(ByteCursor source, int start, int limit) {
    int headEnd = ends.findEnd(source, start, limit);
    ends.forget();
    return headEnd == HeaderLines.NONE
        ? SipReason.HEAD_UNFINISHED
        : read(source, start, headEnd, limit);
  }

  /**
   * Reads a message whose head is known.
   *
   * @param source where it is; its own position and limit are not used
   * @param start index of its first byte
   * @param headEnd index behind the empty line
   * @param limit index behind the last byte of the datagram, or of the message on a stream. Bytes
   *     of the body are looked at only if they may be SDP
   * @return null if it was read; else why nothing of this view is defined
   */
  public @Nullable SipReason read(ByteCursor source, int start, int headEnd, int limit) {
    bytes = source;
    lines.wrap(source, start, headEnd);
    if (!lines.next() || !startLine.read(source, lines.start(), lines.end())) {
      return SipReason.START_LINE;
    }
    @Nullable SipReason reason = headers.read(bytes, lines);
    if (reason == null) {
      reason = readHead();
    }
    return reason == null ? readBody(headEnd, limit) : reason;
  }

  private @Nullable SipReason readHead() {
    if (!begin(SipHeader.VIA, line)) {
      return SipReason.HEADER_MISSING;
    }
    if (!via.read(bytes, line)) {
      return SipReason.VIA;
    }
    if (!has(SipHeader.FROM)
        || !has(SipHeader.TO)
        || !has(SipHeader.CALL_ID)
        || !has(SipHeader.CSEQ)) {
      return SipReason.HEADER_MISSING;
    }
    if (!readAddress(SipHeader.FROM, from) || !readAddress(SipHeader.TO, to)) {
      return SipReason.FROM_TO;
    }
    if (!readCallId()) {
      return SipReason.CALL_ID;
    }
    if (!readCseq()) {
      return SipReason.CSEQ;
    }
    method = SipWord.ofMethod(bytes, methodOfCseq.from(), methodOfCseq.to());
    if (startLine.isRequest() && !methodOfCseq.isSame(startLine.method())) {
      return SipReason.CSEQ_METHOD;
    }
    expires = readSeconds(SipHeader.EXPIRES);
    sessionExpires = readSeconds(SipHeader.SESSION_EXPIRES);
    return null;
  }

  private boolean readAddress(SipHeader header, AddressView address) {
    begin(header, line);
    line.skipSpaces();
    return address.read(bytes, line, true) && !address.isStar && line.current() == LineView.END;
  }

  private boolean readCallId() {
    begin(SipHeader.CALL_ID, line);
    readWord();
    callId.set(bytes, line.spanFrom(), line.spanTo());
    return isRead() && !callId.isEmpty();
  }

  private boolean readCseq() {
    begin(SipHeader.CSEQ, line);
    line.skipSpaces();
    cseq = Decimals.read(line, CSEQ_MAX);
    if (cseq < 0 || !isBlank(line.current())) {
      return false;
    }
    readWord();
    methodOfCseq.set(bytes, line.spanFrom(), line.spanTo());
    return isRead() && !methodOfCseq.isEmpty();
  }

  private @Nullable SipReason readBody(int headEnd, int limit) {
    bodyStart = headEnd;
    bodyEnd = limit;
    contentLengthDigits.setAbsent();
    if (begin(SipHeader.CONTENT_LENGTH, line)) {
      long length = ContentLength.read(line);
      if (length < 0) {
        return ContentLength.reason(length);
      }
      contentLengthDigits.set(bytes, line.spanFrom(), line.spanTo());
      if (length > limit - headEnd) {
        return SipReason.CONTENT_LENGTH_BEYOND_END;
      }
      bodyEnd = headEnd + (int) length;
    }
    return sdp.find(this) ? null : SipReason.MULTIPART;
  }

  // Seconds of a header; -1 if it is not there, or does not begin with a number.
  private long readSeconds(SipHeader header) {
    if (!begin(header, line)) {
      return -1;
    }
    line.skipSpaces();
    long seconds = Decimals.read(line, SECONDS_MAX);
    return seconds == Decimals.TOO_LARGE ? SECONDS_MAX : seconds;
  }

  // Puts a word without white space into the span of the line.
  private void readWord() {
    line.skipSpaces();
    line.beginSpan();
    while (line.current() > ' ') {
      line.advance();
    }
    line.endSpan();
  }

  private boolean isRead() {
    line.skipSpaces();
    return line.current() == LineView.END;
  }

  /**
   * Puts a view on the first line of a header.
   *
   * @param header not OTHER
   * @param view behind the colon afterwards
   * @return false if there is none
   */
  boolean begin(SipHeader header, LineView view) {
    int number = headers.first(header);
    if (number == NO_LINE) {
      return false;
    }
    view.wrap(bytes, headers.behindColon(number), headers.to(number));
    return true;
  }

  private boolean has(SipHeader header) {
    return headers.first(header) != NO_LINE;
  }

  private static boolean isBlank(int octet) {
    return octet == ' ' || octet == '\t';
  }

  /**
   * The cursor under the message.
   *
   * @return as {@link #read} was given it
   */
  public ByteCursor cursor() {
    return bytes;
  }

  /**
   * Whether it is a request.
   *
   * @return false for an answer
   */
  public boolean isRequest() {
    return startLine.isRequest();
  }

  /**
   * What it is.
   *
   * @return the method of a request, the class of an answer
   */
  public SipWord word() {
    return startLine.isRequest() ? method : SipWord.ofStatus(startLine.status());
  }

  /**
   * The method.
   *
   * @return that of CSeq, which is that of the request line, too
   */
  public SipWord method() {
    return method;
  }

  /**
   * The method as it is written; two that have no name here may differ.
   *
   * @return that of CSeq
   */
  public Span methodText() {
    return methodOfCseq;
  }

  /**
   * The status of an answer.
   *
   * @return 100..699; 0 for a request
   */
  public int status() {
    return startLine.status();
  }

  /**
   * The number of CSeq.
   *
   * @return 0..2^31-1
   */
  public long cseq() {
    return cseq;
  }

  /**
   * The value of Call-ID.
   *
   * @return never empty
   */
  public Span callId() {
    return callId;
  }

  /**
   * The tag of From.
   *
   * @return absent if there is none (RFC 2543)
   */
  public Span fromTag() {
    return from.tag;
  }

  /**
   * The tag of To.
   *
   * @return absent before there is a dialog
   */
  public Span toTag() {
    return to.tag;
  }

  /**
   * The branch of the topmost Via.
   *
   * @return absent if there is none (RFC 2543)
   */
  public Span branch() {
    return via.branch();
  }

  /**
   * The topmost Via.
   *
   * @return the same object for each message
   */
  public ViaView via() {
    return via;
  }

  /**
   * Where a request is to go.
   *
   * @return absent for an answer
   */
  public UriView requestUri() {
    return startLine.uri();
  }

  /**
   * The URI of From.
   *
   * @return the same object for each message
   */
  public UriView fromUri() {
    return from.uri;
  }

  /**
   * The URI of To.
   *
   * @return the same object for each message
   */
  public UriView toUri() {
    return to.uri;
  }

  /**
   * The first line of a header.
   *
   * @param header not OTHER
   * @return the number of a line, or {@link #NO_LINE}
   */
  public int firstLine(SipHeader header) {
    return headers.first(header);
  }

  /**
   * The next line of the same header.
   *
   * @param number of a line
   * @return the number of a line, or {@link #NO_LINE}
   */
  public int nextLine(int number) {
    return headers.next(number);
  }

  /**
   * How many header lines there are.
   *
   * @return 0..{@link #LINES_MAX}; they are numbered from 0
   */
  public int lineCount() {
    return headers.count();
  }

  /**
   * Where a line begins.
   *
   * @param number of a line
   * @return index of the first byte of its name
   */
  public int lineFrom(int number) {
    return headers.from(number);
  }

  /**
   * Where the name of a line ends.
   *
   * @param number of a line
   * @return index behind its colon
   */
  public int behindColon(int number) {
    return headers.behindColon(number);
  }

  /**
   * Where the value of a line begins: between it and the colon stand spaces and tabs only, as many
   * as the sender likes.
   *
   * @param number of a line
   * @return index of the first byte of its value, which may be the line end of a folded line
   */
  public int valueFrom(int number) {
    int at = headers.behindColon(number);
    while (at < headers.to(number) && isBlank(bytes.u8At(at))) {
      at++;
    }
    return at;
  }

  /**
   * Where a line ends, with all that it goes on in.
   *
   * @param number of a line
   * @return index of its line end
   */
  public int lineTo(int number) {
    return headers.to(number);
  }

  /**
   * Where the body begins.
   *
   * @return index behind the empty line
   */
  public int bodyStart() {
    return bodyStart;
  }

  /**
   * Where the body ends.
   *
   * @return index behind its last byte: as Content-Length says; without it, of a datagram, all of
   *     it
   */
  public int bodyEnd() {
    return bodyEnd;
  }

  /**
   * The digits of Content-Length.
   *
   * @return absent if there is none
   */
  public Span contentLengthDigits() {
    return contentLengthDigits;
  }

  /**
   * Whether a session is described: by the body, or by one part of it.
   *
   * @return false if there is no SDP, or none that can be read because it is packed
   */
  public boolean hasSdp() {
    return sdp.from() < sdp.to();
  }

  /**
   * Where SDP begins.
   *
   * @return index of its first byte
   */
  public int sdpStart() {
    return sdp.from();
  }

  /**
   * Where SDP ends.
   *
   * @return index behind its last byte
   */
  public int sdpEnd() {
    return sdp.to();
  }

  /**
   * Expires.
   *
   * @return seconds 0..2^32-1, as much for what is more; -1 if there is none, or no number
   */
  public long expires() {
    return expires;
  }

  /**
   * Session-Expires (RFC 4028).
   *
   * @return seconds 0..2^32-1, as much for what is more; -1 if there is none, or no number
   */
  public long sessionExpires() {
    return sessionExpires;
  }
}
