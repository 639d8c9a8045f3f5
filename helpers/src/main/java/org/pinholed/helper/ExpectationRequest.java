package org.pinholed.helper;

import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A child that a parent flow announced. Made by {@link #builder}, so that attributes can be added
 * without a change to the helpers that do not know them.
 */
public final class ExpectationRequest {
  /** Who may be the source of the child. */
  public enum Source {
    /** The other end of the parent, any source port. */
    PEER,
    /** One address that the payload names, {@link #sourceAddress()}, any source port. */
    ADDRESS,
    /** Anybody. */
    ANY
  }

  /** How many connections the pinhole lets in. */
  public enum Use {
    /** The first packet takes it out. */
    ONCE,
    /** As many as come while it is open. */
    MANY
  }

  private final String key;
  private final Direction announcedIn;
  private final Transport transport;
  private final Endpoint destination;
  private final Source source;
  private final java.net.@Nullable InetAddress sourceAddress;
  private final Use use;
  private final int usualSourcePort;
  private final @Nullable Duration lifetime;
  private final boolean active;
  private final boolean addressStays;
  private final HelperWord cause;
  private final long streamOffset;
  private final long endpointOffset;

  private ExpectationRequest(Builder builder) {
    key = builder.key;
    announcedIn = builder.announcedIn;
    transport = builder.transport;
    destination = builder.destination;
    source = builder.source;
    sourceAddress = builder.sourceAddress;
    use = builder.use;
    usualSourcePort = builder.usualSourcePort;
    lifetime = builder.lifetime;
    active = builder.active;
    addressStays = builder.addressStays;
    cause = builder.cause;
    streamOffset = builder.streamOffset;
    endpointOffset = Math.max(builder.streamOffset, builder.endpointOffset);
  }

  /**
   * Begins a request for a child that comes once, over TCP, from the other end of the parent.
   *
   * @param key groups what is replaced and closed together within one helper: a dialog, a call, the
   *     one data connection of FTP; 1..64 characters
   * @param announcedIn the direction of the bytes that announced it
   * @param destination where the child will go, as the payload says
   * @param cause the message that announced it
   * @return a builder
   */
  public static Builder builder(
      String key, Direction announcedIn, Endpoint destination, HelperWord cause) {
    return new Builder(key, announcedIn, destination, cause);
  }

  /**
   * Groups what is replaced and closed together.
   *
   * @return 1..64 characters, unique within the parent
   */
  public String key() {
    return key;
  }

  /**
   * The direction of the bytes that announced it. The child goes to the sender of these bytes.
   *
   * @return the direction
   */
  public Direction announcedIn() {
    return announcedIn;
  }

  /**
   * The transport of the child.
   *
   * @return TCP or UDP
   */
  public Transport transport() {
    return transport;
  }

  /**
   * Where the child will go.
   *
   * @return address and port as the payload says, before translation
   */
  public Endpoint destination() {
    return destination;
  }

  /**
   * Who may be the source.
   *
   * @return the scope
   */
  public Source source() {
    return source;
  }

  /**
   * The source address of {@link Source#ADDRESS}.
   *
   * @return the address, null for the other scopes
   */
  public java.net.@Nullable InetAddress sourceAddress() {
    return sourceAddress;
  }

  /**
   * How many connections it lets in.
   *
   * @return once or many
   */
  public Use use() {
    return use;
  }

  /**
   * The port that many senders let such children come from, so that two of them cannot go to the
   * same endpoint at a time. The pinhole is open for other source ports as well.
   *
   * @return 1..65535, or 0 if there is none
   */
  public int usualSourcePort() {
    return usualSourcePort;
  }

  /**
   * How long it stays, where the protocol says so.
   *
   * @return a positive duration, or null for what the configuration of the helper says
   */
  public @Nullable Duration lifetime() {
    return lifetime;
  }

  /**
   * Whether it opens at once.
   *
   * @return false if it waits for {@link OutcomeSink#activate}
   */
  public boolean active() {
    return active;
  }

  /**
   * Whether the address in the text of the message stays, because the other side can do with it;
   * the message needs a change only if another port must be taken.
   *
   * @return false if on a translated flow the text must name the translated address
   */
  public boolean addressStays() {
    return addressStays;
  }

  /**
   * The message that announced it.
   *
   * @return for example the FTP word {@code 227}
   */
  public HelperWord cause() {
    return cause;
  }

  /**
   * Where in the stream of {@link #announcedIn()} the announcing message began.
   *
   * @return bytes from the first byte of the flow; 0 for datagrams
   */
  public long streamOffset() {
    return streamOffset;
  }

  /**
   * Where in the stream of {@link #announcedIn()} the text of the destination begins, which is to
   * be changed if the other side must see another one.
   *
   * @return bytes from the first byte of the flow; {@link #streamOffset()} if that is all that is
   *     known
   */
  public long endpointOffset() {
    return endpointOffset;
  }

  /** Collects the attributes of a request. */
  public static final class Builder {
    private final String key;
    private final Direction announcedIn;
    private final Endpoint destination;
    private final HelperWord cause;
    private Transport transport = Transport.TCP;
    private Source source = Source.PEER;
    private java.net.@Nullable InetAddress sourceAddress;
    private Use use = Use.ONCE;
    private int usualSourcePort;
    private @Nullable Duration lifetime;
    private boolean active = true;
    private boolean addressStays;
    private long streamOffset;
    private long endpointOffset;

    private Builder(String key, Direction announcedIn, Endpoint destination, HelperWord cause) {
      if (key.isEmpty() || key.length() > 64) {
        throw new IllegalArgumentException(
            "key: " + key.length() + " characters (expected: 1..64)");
      }
      Ranges.require("destination port", destination.port(), 1, 65535);
      this.key = key;
      this.announcedIn = announcedIn;
      this.destination = destination;
      this.cause = cause;
    }

    /**
     * Sets the transport of the child.
     *
     * @param value TCP (the default) or UDP
     * @return this builder
     */
    public Builder transport(Transport value) {
      transport = value;
      return this;
    }

    /**
     * Lets in any source.
     *
     * @return this builder
     */
    public Builder fromAny() {
      source = Source.ANY;
      return this;
    }

    /**
     * Lets in one source that is not the other end of the parent.
     *
     * @param address its address
     * @return this builder
     */
    public Builder from(java.net.InetAddress address) {
      source = Source.ADDRESS;
      sourceAddress = Objects.requireNonNull(address);
      return this;
    }

    /**
     * Lets in as many connections as come.
     *
     * @return this builder
     */
    public Builder many() {
      use = Use.MANY;
      return this;
    }

    /**
     * Says which port it comes from as a rule.
     *
     * @param value 1..65535
     * @return this builder
     */
    public Builder usualSourcePort(int value) {
      Ranges.require("usual source port", value, 1, 65535);
      usualSourcePort = value;
      return this;
    }

    /**
     * Sets how long it stays.
     *
     * @param value positive
     * @return this builder
     */
    public Builder lifetime(Duration value) {
      if (value.isNegative() || value.isZero()) {
        throw new IllegalArgumentException("lifetime: " + value + " (expected: above zero)");
      }
      lifetime = value;
      return this;
    }

    /**
     * Keeps it shut until {@link OutcomeSink#activate}.
     *
     * @return this builder
     */
    public Builder inactive() {
      active = false;
      return this;
    }

    /**
     * Leaves the address in the text of the message as it is.
     *
     * @return this builder
     */
    public Builder addressStays() {
      addressStays = true;
      return this;
    }

    /**
     * Says where the announcing message began.
     *
     * @param value bytes from the first byte of the flow
     * @return this builder
     */
    public Builder streamOffset(long value) {
      streamOffset = value;
      return this;
    }

    /**
     * Says where the text of the destination begins.
     *
     * @param value bytes from the first byte of the flow
     * @return this builder
     */
    public Builder endpointOffset(long value) {
      endpointOffset = value;
      return this;
    }

    /**
     * Makes the request.
     *
     * @return an immutable request
     */
    public ExpectationRequest build() {
      return new ExpectationRequest(this);
    }
  }
}
