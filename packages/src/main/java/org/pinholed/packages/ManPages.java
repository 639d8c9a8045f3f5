package org.pinholed.packages;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.pinholed.agent.Pinholed;
import org.pinholed.agent.cli.Pinholectl;
import picocli.CommandLine;
import picocli.codegen.docgen.manpage.ManPageGenerator;

/**
 * Writes the man pages of both programs and of each command as AsciiDoc, from what {@code --help}
 * is made of. Asciidoctor turns them into man pages.
 */
public final class ManPages {
  private ManPages() {}

  /**
   * Writes the pages.
   *
   * @param args one: the folder, made if it is not there
   * @throws IOException if a page cannot be written
   */
  public static void main(String[] args) throws IOException {
    Path folder = Files.createDirectories(Path.of(args[0]));
    write(folder, Pinholed.commandLine(List.of()));
    write(folder, Pinholectl.allCommands());
  }

  private static void write(Path folder, CommandLine program) throws IOException {
    StringWriter page = new StringWriter();
    ManPageGenerator.writeSingleManPage(new PrintWriter(page), program.getCommandSpec());
    String name = program.getCommandSpec().qualifiedName("-");
    Files.writeString(folder.resolve(name + ".adoc"), forAdministrators(page.toString()));
    for (CommandLine command : program.getSubcommands().values()) {
      write(folder, command);
    }
  }

  // The generator knows section 1 only; these are for who runs the machine (man-pages(7)).
  private static String forAdministrators(String page) {
    return page.replace("(1)", "(8)");
  }
}
