package org.pinholed.helper.dcerpc.stub;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Transport;
import org.pinholed.helper.dcerpc.words.DceRpcReason;

/**
 * The ports that one reply announces, in the order in which they stand there, and its status.
 * Bounded, and filled anew for each reply: nothing is allocated. Not thread-safe.
 */
public final class AnnouncedPorts {
  /** How many there can be: that many string bindings are read. */
  public static final int MOST = 64;

  /** What a port says of its host. */
  public enum Host {
    /** Nothing, or 0.0.0.0: it is the server that said it. */
    SERVER,
    /** An IPv4 address of four bytes. */
    IPV4,
    /** A text of two bytes a character: a name, or an address. */
    TEXT
  }

  private final long[] high = new long[MOST];
  private final long[] low = new long[MOST];
  private final int[] version = new int[MOST];
  private final boolean[] udp = new boolean[MOST];
  private final int[] port = new int[MOST];
  private final Host[] host = new Host[MOST];
  private final int[] hostAt = new int[MOST];
  private final int[] hostLength = new int[MOST];
  private final int[] ipv4 = new int[MOST];
  private int count;
  private long status;

  /** Makes it empty. */
  public AnnouncedPorts() {}

  /** Forgets all. */
  public void clear() {
    count = 0;
    status = 0;
  }

  /**
   * Reads a status of the call, aligned: an error_status_t, or an HRESULT (MS-ERREF 2.1). Unless it
   * is there and is 0, nothing was announced.
   *
   * @param stub before it
   * @return why it cannot be read; null if it was, whatever it says
   */
  public @Nullable DceRpcReason readStatus(StubReader stub) {
    long said = stub.alignedU32();
    boolean isThere = stub.ok();
    if (!isThere || said != 0) {
      clear();
    }
    status = isThere ? said : 0;
    return isThere ? null : DceRpcReason.STUB_TOO_SHORT;
  }

  /**
   * What the server says of the call.
   *
   * @return 0 for success, up to 2^32-1; 16c9a0d6, for one, if the endpoint mapper does not know
   *     the service. 0, too, if the reply could not be read so far
   */
  public long status() {
    return status;
  }

  /**
   * How many there are.
   *
   * @return 0..{@link #MOST}
   */
  public int count() {
    return count;
  }

  /**
   * Whether there is room for no more.
   *
   * @return true if nothing may be added
   */
  public boolean isFull() {
    return count == MOST;
  }

  /**
   * Adds the port of a tower. Not if it {@link #isFull}.
   *
   * @param uuidHigh the first half of the UUID of its service
   * @param uuidLow the other half
   * @param serviceVersion the major version in the high 16 bits, the minor one below
   * @param transport TCP or UDP
   * @param portNumber 0..65535
   * @param address its IPv4 address; 0 if it has none or 0.0.0.0
   * @param addressAt where the four bytes of it stand in the stub; -1 if there are none
   */
  public void addTower(
      long uuidHigh,
      long uuidLow,
      int serviceVersion,
      Transport transport,
      int portNumber,
      int address,
      int addressAt) {
    high[count] = uuidHigh;
    low[count] = uuidLow;
    version[count] = serviceVersion;
    udp[count] = transport == Transport.UDP;
    port[count] = portNumber;
    host[count] = address == 0 ? Host.SERVER : Host.IPV4;
    hostAt[count] = addressAt;
    hostLength[count] = addressAt < 0 ? 0 : 4;
    ipv4[count] = address;
    count++;
  }

  /**
   * Adds a string binding of TCP. Not if it {@link #isFull}.
   *
   * @param portNumber 1..65535
   * @param textAt where the text of the host begins in the stub
   * @param units how many characters of two bytes it has; 0 for the server itself
   */
  public void addBinding(int portNumber, int textAt, int units) {
    high[count] = 0;
    low[count] = 0;
    version[count] = 0;
    udp[count] = false;
    port[count] = portNumber;
    host[count] = units == 0 ? Host.SERVER : Host.TEXT;
    hostAt[count] = textAt;
    hostLength[count] = units;
    ipv4[count] = 0;
    count++;
  }

  /**
   * The first half of the UUID of its service.
   *
   * @param index 0..{@link #count}-1
   * @return 0 for a string binding, which names none
   */
  public long high(int index) {
    return high[index];
  }

  /**
   * The other half.
   *
   * @param index 0..{@link #count}-1
   * @return 0 for a string binding, which names none
   */
  public long low(int index) {
    return low[index];
  }

  /**
   * The version of its service.
   *
   * @param index 0..{@link #count}-1
   * @return the major version in the high 16 bits, the minor one below
   */
  public int version(int index) {
    return version[index];
  }

  /**
   * Its transport.
   *
   * @param index 0..{@link #count}-1
   * @return TCP or UDP
   */
  public Transport transport(int index) {
    return udp[index] ? Transport.UDP : Transport.TCP;
  }

  /**
   * Its port.
   *
   * @param index 0..{@link #count}-1
   * @return 0..65535
   */
  public int port(int index) {
    return port[index];
  }

  /**
   * What it says of its host.
   *
   * @param index 0..{@link #count}-1
   * @return the kind
   */
  public Host host(int index) {
    return host[index];
  }

  /**
   * Where the host is named in the stub.
   *
   * @param index 0..{@link #count}-1
   * @return position of its first byte; -1 if it is named nowhere
   */
  public int hostAt(int index) {
    return hostAt[index];
  }

  /**
   * How long its name is.
   *
   * @param index 0..{@link #count}-1
   * @return characters of two bytes of a text; 4, bytes, of an IPv4 address; 0 if there is none
   */
  public int hostLength(int index) {
    return hostLength[index];
  }

  /**
   * The address of {@link Host#IPV4}.
   *
   * @param index 0..{@link #count}-1
   * @return its four bytes
   */
  public int ipv4(int index) {
    return ipv4[index];
  }
}
