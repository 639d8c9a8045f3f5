package org.pinholed.helper;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A child that a parent flow announced. Made by {@link #builder}, so that attributes can be added
 * without a change to the helpers that do not know them.
 *
 * <p>It is long because each attribute stands in it twice, here and in the builder, with its range.
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

  /** What becomes of the text that announced it, on a translated flow. */
  public enum Text {
    /** It must name the translated address, and the port that was taken there. */
    TRANSLATED,
    /**
     * The address in it stays, because the other side can do with it; only the port is changed, if
     * another one must be taken.
     */
    ADDRESS_STAYS,
    /**
     * Nothing in it may change, because it is signed, or names no address: the child comes to the
     * announced port of the translated address, or is refused if somebody has that.
     */
    STAYS
  }

  /** The longest name of a group, in characters. */
  public static final int GROUP_LENGTH = 46;

  /** The longest names of a group and an item of a range of ports together, in characters. */
  public static final int RANGE_GROUP_LENGTH = 41;

  /** The longest name of an item, in characters. */
  public static final int ITEM_LENGTH = 8;

  /** The longest label, and the longest text of a field, in characters. */
  public static final int TEXT_LENGTH = 120;

  private final @Nullable OwnerId owner;
  private final String group;
  private final String item;
  private final Direction announcedIn;
  private final Transport transport;
  private final Endpoint destination;
  private final Source source;
  private final java.net.@Nullable InetAddress sourceAddress;
  private final Use use;
  private final int usualSourcePort;
  private final Lifetime lifetime;
  private final boolean active;
  private final boolean read;
  private final Text text;
  private final @Nullable String pairedWith;
  private final int lastPort;
  private final int connections;
  private final String label;
  private final String field;
  private final HelperWord cause;
  private final long streamOffset;
  private final long endpointOffset;

  private ExpectationRequest(Builder builder) {
    owner = builder.owner;
    group = builder.group;
    item = builder.item;
    announcedIn = builder.announcedIn;
    transport = builder.transport;
    destination = builder.destination;
    source = builder.source;
    sourceAddress = builder.sourceAddress;
    use = builder.use;
    usualSourcePort = builder.usualSourcePort;
    lifetime = builder.lifetime;
    active = builder.active;
    read = builder.read;
    text = builder.text;
    pairedWith = builder.pairedWith;
    lastPort = Math.max(builder.destination.port(), builder.lastPort);
    connections = builder.connections;
    label = builder.label;
    field = builder.field;
    cause = builder.cause;
    streamOffset = builder.streamOffset;
    endpointOffset = Math.max(builder.streamOffset, builder.endpointOffset);
  }

  /**
   * Begins a request for a child that comes once, over TCP, from the other end of the parent.
   *
   * @param group what is replaced and closed together: the one data connection of FTP, the media of
   *     an offer; 1..46 printable characters of ASCII without space
   * @param announcedIn the direction of the bytes that announced it
   * @param destination where the child will go, as the payload says
   * @param cause the message that announced it
   * @return a builder
   */
  public static Builder builder(
      String group, Direction announcedIn, Endpoint destination, HelperWord cause) {
    return new Builder(group, announcedIn, destination, cause);
  }

  /**
   * Who it belongs to, and with whom it ends.
   *
   * @return null for the flow that announces it
   */
  public @Nullable OwnerId owner() {
    return owner;
  }

  /**
   * What it is replaced and closed together with.
   *
   * @return 1..46 characters, unique within its owner
   */
  public String group() {
    return group;
  }

  /**
   * Which of its group it is.
   *
   * @return 0..8 characters, with the name of the group at most 46, of a range of ports at most 41;
   *     unique within its group
   */
  public String item() {
    return item;
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
   * How long it stays.
   *
   * @return {@link Lifetime#CONFIGURED} if the protocol says nothing of it
   */
  public Lifetime lifetime() {
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
   * Whether its children are read by the helper that announced it, whatever port they go to.
   *
   * @return false if they pass by the agent
   */
  public boolean isRead() {
    return read;
  }

  /**
   * What becomes of the text of the message on a translated flow.
   *
   * @return {@link Text#TRANSLATED} for most
   */
  public Text text() {
    return text;
  }

  /**
   * The item of the same group whose port is one less than this one's. On a translated address the
   * two have ports that follow each other, too, the first one even if the announced one is.
   *
   * @return null if its port goes with no other
   */
  public @Nullable String pairedWith() {
    return pairedWith;
  }

  /**
   * The last port, where one of several will be used and nobody can tell which.
   *
   * @return the port of {@link #destination()}, or a higher one
   */
  public int lastPort() {
    return lastPort;
  }

  /**
   * How many connections a range of ports lets in.
   *
   * @return 1..65535, or 0 for any number
   */
  public int connections() {
    return connections;
  }

  /**
   * What operators call it.
   *
   * @return at most 120 characters of printable ASCII; empty if the helper gives it no name
   */
  public String label() {
    return label;
  }

  /**
   * What announced it, as it stood in the message.
   *
   * @return at most 120 characters of printable ASCII, others are escaped; empty if the helper does
   *     not say
   */
  public String field() {
    return field;
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
    private final String group;
    private @Nullable OwnerId owner;
    private String item = "";
    private final Direction announcedIn;
    private final Endpoint destination;
    private final HelperWord cause;
    private Transport transport = Transport.TCP;
    private Source source = Source.PEER;
    private java.net.@Nullable InetAddress sourceAddress;
    private Use use = Use.ONCE;
    private int usualSourcePort;
    private Lifetime lifetime = Lifetime.CONFIGURED;
    private boolean active = true;
    private boolean read;
    private Text text = Text.TRANSLATED;
    private @Nullable String pairedWith;
    private int lastPort;
    private int connections;
    private String label = "";
    private String field = "";
    private long streamOffset;
    private long endpointOffset;

    private Builder(String group, Direction announcedIn, Endpoint destination, HelperWord cause) {
      this.group = name("group", group, 1, GROUP_LENGTH);
      Ranges.require("destination port", destination.port(), 1, 65535);
      this.announcedIn = announcedIn;
      this.destination = destination;
      this.cause = cause;
    }

    /** Names stand in comments of the kernel's elements, between spaces. */
    private static String name(String field, String value, int least, int most) {
      if (value.length() < least || value.length() > most || !isPrintable(value)) {
        throw new IllegalArgumentException(
            field
                + ": "
                + value.length()
                + " characters (expected: "
                + least
                + ".."
                + most
                + " printable ones of ASCII, no space)");
      }
      return value;
    }

    private static boolean isPrintable(String value) {
      for (int at = 0; at < value.length(); at++) {
        if (value.charAt(at) <= ' ' || value.charAt(at) >= 0x7f) {
          return false;
        }
      }
      return true;
    }

    /**
     * Says that it belongs to somebody who may outlive the flow.
     *
     * @param value its owner
     * @return this builder
     */
    public Builder owner(OwnerId value) {
      owner = Objects.requireNonNull(value);
      return this;
    }

    /**
     * Says which of its group it is.
     *
     * @param value 0..8 printable characters of ASCII without space
     * @return this builder
     */
    public Builder item(String value) {
      item = name("item", value, 0, ITEM_LENGTH);
      return this;
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
     * @param value until when
     * @return this builder
     */
    public Builder lifetime(Lifetime value) {
      lifetime = value;
      return this;
    }

    /**
     * Has its children read, whatever port they go to.
     *
     * @return this builder
     */
    public Builder read() {
      read = true;
      return this;
    }

    /**
     * Says what becomes of the text of the message on a translated flow.
     *
     * @param value what may change in it
     * @return this builder
     */
    public Builder text(Text value) {
      text = value;
      return this;
    }

    /**
     * Has its port follow that of another item.
     *
     * @param value an item before this one, of the same group, whose port is one less
     * @return this builder
     */
    public Builder pairedWith(String value) {
      pairedWith = value;
      return this;
    }

    /**
     * Opens all ports from that of the destination on.
     *
     * @param last the last one, up to 65535
     * @param most how many connections are let in, 0..65535; 0 for any number
     * @return this builder
     */
    public Builder portsUpTo(int last, int most) {
      Ranges.require("last port", last, destination.port(), 65535);
      Ranges.require("connections", most, 0, 65535);
      lastPort = last;
      connections = most;
      return this;
    }

    /**
     * Gives it the name that operators see.
     *
     * @param value any text; what is not printable ASCII is escaped, what is longer than 120
     *     characters then is cut
     * @return this builder
     */
    public Builder label(String value) {
      label = Printable.of(value, TEXT_LENGTH);
      return this;
    }

    /**
     * Says what announced it, as it stands in the message.
     *
     * @param value any text; what is not printable ASCII is escaped, what is longer than 120
     *     characters then is cut
     * @return this builder
     */
    public Builder field(String value) {
      field = Printable.of(value, TEXT_LENGTH);
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
     * @throws IllegalArgumentException if what was said does not go together
     */
    public ExpectationRequest build() {
      require(
          group.length() + item.length() <= GROUP_LENGTH,
          "item: " + item.length() + " characters (expected: with its group 46 or less)");
      if (owner != null && lifetime instanceof Lifetime.WithOwner forOwner) {
        require(
            forOwner.longest() != null, "lifetime: without end (expected: an end, of an owner)");
      }
      if (lastPort > destination.port()) {
        require(use == Use.MANY, "use: ONCE (expected: MANY, of a range of ports)");
        require(source != Source.ANY, "source: ANY (expected: one address, of a range of ports)");
        require(pairedWith == null, "pairedWith: " + pairedWith + " (expected: none, of a range)");
        require(
            group.length() + item.length() <= RANGE_GROUP_LENGTH,
            "group: "
                + group.length()
                + " characters (expected: with its item 41 or less, of a range)");
      }
      require(
          source != Source.ANY || use == Use.MANY, "use: ONCE (expected: MANY, from any source)");
      return new ExpectationRequest(this);
    }

    private static void require(boolean holds, String otherwise) {
      if (!holds) {
        throw new IllegalArgumentException(otherwise);
      }
    }
  }
}
