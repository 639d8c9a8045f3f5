"""Many FTP sessions, each with one transfer after the other until a file appears.

Arguments: HOST SESSIONS REMOTE BYTES STOP_FILE DATA_TIMEOUT_SECONDS REPLY_TIMEOUT_SECONDS REST. After each transfer
a session rests for REST times as long as it took. Prints one line of JSON:
transfers that came whole, were cut short and failed, control connections that broke, the longest
time that a control line waited for its answer, and why.
"""
import ftplib
import json
import os
import socket
import sys
import threading
import time
import traceback

host, sessions, remote, length, stop_file, data_timeout, reply_timeout, rest = sys.argv[1:]
total = {"whole": 0, "short": 0, "failed": 0, "broken": 0, "longestMs": 0, "why": {}}
lock = threading.Lock()


def note(name, error=None):
    """Counts it, and for an error what it was and in which line of this file it came up."""
    with lock:
        total[name] += 1
        if error:
            lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)
                     if frame.filename == __file__]
            why = "%s at %s: %r" % (name, lines, error)
            total["why"][why] = total["why"].get(why, 0) + 1


class DataFailure(Exception):
    """A data connection did not come, broke, or nothing came over it. The control connection is not concerned."""


def of_data(operation, *arguments):
    try:
        return operation(*arguments)
    except OSError as e:
        raise DataFailure(repr(e)) from e


class Session(ftplib.FTP):
    """Waits long for replies and not so long for data connections."""

    def ask(self, line):
        began = time.monotonic()
        answer = self.sendcmd(line)
        waited = int(1000 * (time.monotonic() - began))
        with lock:
            total["longestMs"] = max(total["longestMs"], waited)
        return answer

    def transfer(self, passive):
        self.ask("TYPE I")
        if passive:
            address = ftplib.parse227(self.ask("PASV"))
            with of_data(socket.create_connection, address, float(data_timeout)) as data:
                return self.retrieve(lambda: data)
        with socket.socket() as listener:
            listener.settimeout(float(data_timeout))
            own = self.sock.getsockname()[0]
            listener.bind((own, 0))
            listener.listen(1)
            port = listener.getsockname()[1]
            self.ask("PORT %s,%d,%d" % (own.replace(".", ","), port // 256, port % 256))
            return self.retrieve(lambda: of_data(listener.accept)[0], listener)

    def retrieve(self, connected, listener=None):
        """Whether all bytes came over the data connection that connected() gives."""
        self.sendcmd("RETR " + remote)
        try:
            with connected() as data:
                got = self.drain(data)
        except DataFailure:
            # The server is in the middle of the transfer. What it says of its end must not be taken for the reply to
            # the next command; it may only see the end when nobody listens any more.
            if listener:
                listener.close()
            try:
                self.voidresp()
            except (ftplib.error_temp, ftplib.error_perm):
                pass
            raise
        self.voidresp()
        return got == int(length)

    @staticmethod
    def drain(data):
        data.settimeout(float(data_timeout))
        got = 0
        while True:
            block = of_data(data.recv, 65536)
            if not block:
                return got
            got += len(block)


def login():
    ftp = Session()
    ftp.connect(host, 21, timeout=float(reply_timeout))
    ftp.login()
    return ftp


def run(ftp, number):
    passive = number % 2 == 0
    while not os.path.exists(stop_file):
        began = time.monotonic()
        try:
            note("whole" if ftp.transfer(passive) else "short")
            time.sleep(float(rest) * (time.monotonic() - began))
        except (ftplib.error_temp, ftplib.error_perm) as e:
            # 425: the server could not connect; 500: an address that only the client's side has
            note("failed", e)
            time.sleep(0.1)  # it failed at once, and the next one may too
        except DataFailure as e:
            note("failed", e)
        except Exception as e:
            note("broken", e)
            return
    try:
        ftp.sendcmd("NOOP")
        ftp.quit()
    except Exception as e:
        note("broken", e)


# One after the other: the server's queue of new connections is short.
logins = [login() for _ in range(int(sessions))]
threads = [threading.Thread(target=run, args=(ftp, n)) for n, ftp in enumerate(logins)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(total))
