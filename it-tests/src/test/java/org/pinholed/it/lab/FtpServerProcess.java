package org.pinholed.it.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Random;

/**
 * A real FTP server on the server host: anonymous, both families, one file of each size to download
 * and a folder to upload to. Closing it ends the process.
 */
public final class FtpServerProcess implements AutoCloseable {
  /** The servers that the scenarios know. */
  public enum Kind {
    /** vsftpd, written in C. */
    VSFTPD,
    /**
     * pyftpdlib, written in Python. It connects to the port that a client announces before it
     * answers PORT or EPRT, so that the pinhole must be open at the command already.
     */
    PYFTPDLIB
  }

  /** A file of 300,000 bytes. */
  public static final String FILE = "file.bin";

  /** A file of 12,000,000 bytes, for transfers that take their time. */
  public static final String BIG_FILE = "big.bin";

  private static final int FILE_BYTES = 300_000;
  private static final int BIG_FILE_BYTES = 12_000_000;

  // The passive ports: else one in a thousand is a service port, which the agent rightly refuses.
  private static final String VSFTPD_CONFIG =
      """
      listen=NO
      listen_ipv6=YES
      background=NO
      anonymous_enable=YES
      local_enable=NO
      write_enable=YES
      anon_upload_enable=YES
      anon_umask=022
      anon_root=%s
      secure_chroot_dir=%s
      connect_from_port_20=NO
      connect_timeout=10
      xferlog_enable=NO
      seccomp_sandbox=NO
      pasv_min_port=40000
      pasv_max_port=49999
      max_per_ip=0
      """;

  private final Lab lab;
  private final Process process;
  private final Path folder;

  private FtpServerProcess(Lab lab, Process process, Path folder) {
    this.lab = lab;
    this.process = process;
    this.folder = folder;
  }

  /** Starts a server and waits until it greets. */
  public static FtpServerProcess start(Lab lab, Kind kind) {
    return start(lab, kind, "");
  }

  /** Starts a server that names this IPv4 address in its 227, as manuals say behind translation. */
  public static FtpServerProcess startNaming(Lab lab, Kind kind, String address) {
    // On a listener for both families vsftpd would name 0.0.0.0 instead.
    String settings = "listen=YES\nlisten_ipv6=NO\npasv_address=" + address + "\n";
    return start(lab, kind, kind == Kind.VSFTPD ? settings : address);
  }

  /** Starts vsftpd so that clients may ask for TLS, with a certificate made for the occasion. */
  public static FtpServerProcess startVsftpdWithTls(Lab lab) {
    String key = lab.workFolder().resolve("server.pem").toString();
    lab.run(
            Lab.Host.SERVER,
            Duration.ofSeconds(20),
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "1",
            "-subj",
            "/CN=ftp.example.org",
            "-keyout",
            key,
            "-out",
            key)
        .orFail();
    return start(
        lab,
        Kind.VSFTPD,
        "ssl_enable=YES\nallow_anon_ssl=YES\nforce_local_data_ssl=NO\nforce_local_logins_ssl=NO\n"
            + "require_ssl_reuse=NO\nrsa_cert_file="
            + key
            + "\n");
  }

  private static FtpServerProcess start(Lab lab, Kind kind, String moreSettings) {
    Path folder = lab.workFolder().resolve("served-" + kind);
    try {
      fill(folder);
      List<String> command;
      if (kind == Kind.VSFTPD) {
        Path empty = Files.createDirectories(lab.workFolder().resolve("empty"));
        Path config = lab.workFolder().resolve("vsftpd.conf");
        Files.writeString(config, VSFTPD_CONFIG.formatted(folder, empty) + moreSettings);
        command = List.of("vsftpd", config.toString());
      } else {
        String script = lab.resource("pyftpdlib_server.py").toString();
        command = List.of("/usr/bin/python3", script, folder.toString(), moreSettings);
      }
      Path log = lab.workFolder().resolve("server-" + kind + ".log");
      Process process =
          lab.start(
              Lab.Host.SERVER,
              ProcessBuilder.Redirect.to(log.toFile()),
              command.toArray(String[]::new));
      FtpServerProcess server = new FtpServerProcess(lab, process, folder);
      server.awaitGreeting(lab, kind, log);
      return server;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void fill(Path folder) throws IOException {
    if (Files.exists(folder)) {
      return;
    }
    Files.createDirectories(folder);
    // A fixed seed: the content does not matter, that it comes back the same does.
    Random random = new Random(959);
    byte[] small = new byte[FILE_BYTES];
    random.nextBytes(small);
    Files.write(folder.resolve(FILE), small);
    byte[] big = new byte[BIG_FILE_BYTES];
    random.nextBytes(big);
    Files.write(folder.resolve(BIG_FILE), big);
    Path upload = Files.createDirectories(folder.resolve("upload"));
    // vsftpd writes as the user ftp, pyftpdlib as root.
    Files.setPosixFilePermissions(upload, PosixFilePermissions.fromString("rwxrwxrwx"));
  }

  private void awaitGreeting(Lab lab, Kind kind, Path log) throws IOException {
    String probe = "until exec 3<>/dev/tcp/203.0.113.2/21; do sleep 0.05; done; head -n 1 <&3";
    CommandResult greeting = lab.run(Lab.Host.SERVER, Duration.ofSeconds(10), "bash", "-c", probe);
    if (!greeting.output().contains("220")) {
      close();
      throw new AssertionError(kind + " does not greet: " + Files.readString(log));
    }
  }

  /** Makes files of one size each in a new folder that is served. */
  public void fill(String subfolder, int count, int lengthBytes) {
    try {
      Path set = Files.createDirectories(folder.resolve(subfolder));
      for (int number = 0; number < count; number++) {
        byte[] content = new byte[lengthBytes];
        new Random(number).nextBytes(content);
        Files.write(set.resolve("file" + number), content);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A served file. */
  public Path file(String name) {
    return folder.resolve(name);
  }

  /** Where an uploaded file lands. */
  public Path uploaded(String name) {
    return folder.resolve("upload").resolve(name);
  }

  @Override
  public void close() {
    lab.kill(process);
  }
}
