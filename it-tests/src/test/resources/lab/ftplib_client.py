"""Python's ftplib, made to use one mode. Arguments: get|put HOST MODE LOCAL REMOTE TIMEOUT_SECONDS."""
import ftplib
import sys


class OneMode(ftplib.FTP):
    """ftplib chooses by family; its own EPSV and EPRT code is made to work over IPv4 as well."""

    mode = "PASV"

    def makepasv(self):
        if self.mode == "EPSV":
            return ftplib.parse229(self.sendcmd("EPSV"), self.sock.getpeername())
        return super().makepasv()

    def sendport(self, host, port):
        if self.mode == "EPRT":
            return self.sendeprt(host, port)
        return super().sendport(host, port)


action, host, mode, local, remote, timeout = sys.argv[1:]
ftp = OneMode()
ftp.mode = mode
ftp.set_debuglevel(1)
ftp.connect(host, 21, timeout=float(timeout))
ftp.login()
ftp.set_pasv(mode in ("PASV", "EPSV"))
if action == "get":
    with open(local, "wb") as out:
        ftp.retrbinary("RETR " + remote, out.write)
else:
    with open(local, "rb") as data:
        ftp.storbinary("STOR " + remote, data)
ftp.quit()
