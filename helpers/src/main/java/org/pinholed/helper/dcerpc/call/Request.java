package org.pinholed.helper.dcerpc.call;

import org.pinholed.helper.dcerpc.words.DceRpcWord;
import org.pinholed.helper.dcerpc.words.Service;
import org.pinholed.helper.dcerpc.words.Syntax;

/** A call that waits for its reply. Its fields are written by whoever reads the request. */
public final class Request {
  /** Who calls: the activity of version 4; 0 in version 5. */
  long activityHigh;

  /** The other half of it. */
  long activityLow;

  /** Which call it is. */
  int callId;

  private Service service = Service.ENDPOINT_MAPPER;
  private DceRpcWord word = DceRpcWord.OTHER_CALL;
  private Syntax syntax = Syntax.NDR;
  private int opnum;
  private boolean isAsked;
  private boolean isSealed;
  private long high;
  private long low;
  private int version;

  Request() {}

  /**
   * Says what is called.
   *
   * @param ofService the interface
   * @param number the operation
   * @param transferSyntax that of its context
   */
  public void call(Service ofService, int number, Syntax transferSyntax) {
    service = ofService;
    opnum = number;
    word = ofService.call(number);
    syntax = transferSyntax;
    isAsked = false;
    isSealed = false;
    high = 0;
    low = 0;
    version = 0;
  }

  /**
   * Says which service a request for the endpoint mapper asks for.
   *
   * @param uuidHigh the first half of its UUID
   * @param uuidLow the other half
   * @param serviceVersion the major version in the high 16 bits, the minor one below
   */
  public void asksFor(long uuidHigh, long uuidLow, int serviceVersion) {
    isAsked = true;
    high = uuidHigh;
    low = uuidLow;
    version = serviceVersion;
  }

  /** Says that it is encrypted. */
  public void seal() {
    isSealed = true;
  }

  /** Says that its reply announces nothing that may be opened. */
  public void ignore() {
    word = DceRpcWord.OTHER_CALL;
  }

  /**
   * The interface.
   *
   * @return the service
   */
  public Service service() {
    return service;
  }

  /**
   * The number of the operation.
   *
   * @return 0..65535
   */
  public int opnum() {
    return opnum;
  }

  /**
   * What is called.
   *
   * @return {@link DceRpcWord#OTHER_CALL} if the reply announces nothing
   */
  public DceRpcWord word() {
    return word;
  }

  /**
   * How its arguments are written.
   *
   * @return the transfer syntax
   */
  public Syntax syntax() {
    return syntax;
  }

  /**
   * Whether {@link #asksFor} was said of it.
   *
   * @return false if the service is not known
   */
  public boolean isAsked() {
    return isAsked;
  }

  /**
   * Whether it is encrypted.
   *
   * @return true if its arguments cannot be read
   */
  public boolean isSealed() {
    return isSealed;
  }

  /**
   * The first half of the UUID that is asked for.
   *
   * @return as it is written
   */
  public long high() {
    return high;
  }

  /**
   * The other half.
   *
   * @return as it is written
   */
  public long low() {
    return low;
  }

  /**
   * The version that is asked for.
   *
   * @return the major version in the high 16 bits, the minor one below
   */
  public int version() {
    return version;
  }
}
