package org.pinholed.it.lab;

import java.util.ArrayList;
import java.util.List;

/**
 * A session description of the test's (RFC 4566), and where it says that media go.
 *
 * @param lines its lines without line ends
 */
public record SipSdp(List<String> lines) {
  /** Copies the list. */
  public SipSdp {
    lines = List.copyOf(lines);
  }

  /** Takes a text apart. */
  public static SipSdp of(String text) {
    return new SipSdp(text.isEmpty() ? List.of() : List.of(text.split("\r\n", 0)));
  }

  /** One audio stream to an endpoint, RTCP on the next port. */
  public static SipSdp audio(Endpoint rtp) {
    return new SipSdp(
        List.of(
            "v=0",
            "o=- 3394 1 " + connection(rtp.host()),
            "s=-",
            "c=" + connection(rtp.host()),
            "t=0 0",
            "m=audio " + rtp.port() + " RTP/AVP 0",
            "a=rtpmap:0 PCMU/8000"));
  }

  private static String connection(String host) {
    return (host.contains(":") ? "IN IP6 " : "IN IP4 ") + host;
  }

  /** The same with more lines at its end. */
  public SipSdp plus(String... more) {
    List<String> all = new ArrayList<>(lines);
    all.addAll(List.of(more));
    return new SipSdp(all);
  }

  /** The same with another address of the session, as a phone that holds wrote it once. */
  public SipSdp withConnection(String host) {
    return replaced("c=.*", "c=" + connection(host));
  }

  /** The same with every line that fits this pattern replaced. */
  public SipSdp replaced(String pattern, String line) {
    return new SipSdp(lines.stream().map(l -> l.matches(pattern) ? line : l).toList());
  }

  /** The bytes. */
  public String text() {
    return String.join("\r\n", lines) + "\r\n";
  }

  /** Where RTP of the first stream goes. */
  public Endpoint rtp() {
    return rtp(0);
  }

  /** Where RTCP of the first stream goes. */
  public Endpoint rtcp() {
    return rtcp(0);
  }

  /** Where RTP of a stream goes, by number from 0. */
  public Endpoint rtp(int stream) {
    List<String> section = section(stream);
    int port = Integer.parseInt(section.get(0).split("[ /]", 3)[1]);
    return new Endpoint(host(section), port);
  }

  /** Where RTCP of a stream goes (RFC 3605), by number from 0. */
  public Endpoint rtcp(int stream) {
    for (String line : section(stream)) {
      if (line.startsWith("a=rtcp:")) {
        String[] words = line.substring(7).split(" ", -1);
        String host = words.length > 3 ? words[3] : host(section(stream));
        return new Endpoint(host, Integer.parseInt(words[0]));
      }
    }
    Endpoint rtp = rtp(stream);
    return new Endpoint(rtp.host(), rtp.port() + 1);
  }

  private String host(List<String> section) {
    return section.stream()
        .filter(line -> line.startsWith("c="))
        .findFirst()
        .or(() -> lines.stream().filter(line -> line.startsWith("c=")).findFirst())
        .orElseThrow(() -> new AssertionError("no c= in\n" + text()))
        .split(" ", 3)[2];
  }

  private List<String> section(int stream) {
    int begin = -1;
    int number = -1;
    for (int i = 0; i < lines.size(); i++) {
      if (lines.get(i).startsWith("m=")) {
        if (begin >= 0) {
          return lines.subList(begin, i);
        }
        number++;
        if (number == stream) {
          begin = i;
        }
      }
    }
    if (begin < 0) {
      throw new AssertionError("no stream " + stream + " in\n" + text());
    }
    return lines.subList(begin, lines.size());
  }
}
