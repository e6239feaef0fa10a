#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A mail server on 127.0.0.1 for the tests.

usage: smtp.py NAME [starttls | smtps]

Writes its port to NAME.port and each mail that it took as a line of JSON to
NAME.mails; notes each command in NAME.commands.  A line 'COMMAND REPLY' in
NAME.replies has it answer so; the end of a message is the command '.'.  With
TLS it has server.pem, and takes mail only behind TLS and of those who log in.
"""

import json
import os
import socketserver
import ssl
import sys

NAME = sys.argv[1]
TLS = sys.argv[2] if len(sys.argv) > 2 else ''
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def append(kind, text):
    with open(f'{NAME}.{kind}', 'a', encoding='utf-8') as file:
        file.write(text + '\n')


def reply_to(command):
    """What the file of replies says to it; '' where it says nothing."""
    try:
        with open(f'{NAME}.replies', encoding='ascii') as file:
            for line in file:
                name, _, reply = line.rstrip('\n').partition(' ')
                if name == command:
                    return reply
    except FileNotFoundError:
        pass
    return ''


class Session(socketserver.BaseRequestHandler):
    def handle(self):
        self.secure = False
        self.lines = None
        self.mail = {'user': None, 'to': []}
        try:
            if TLS == 'smtps':
                self.begin_tls()
            self.file = self.request.makefile('rb')
            self.say('220 mail.test')
            while self.command():
                pass
        except (ssl.SSLError, ConnectionError) as error:
            append('commands', type(error).__name__)

    def begin_tls(self):
        self.request = CONTEXT.wrap_socket(self.request, server_side=True)
        self.file = self.request.makefile('rb')
        self.secure = True

    def say(self, text):
        for line in text.split('|'):
            self.request.sendall(line.encode() + b'\r\n')

    def command(self):
        line = self.file.readline()
        if not line:
            return False
        text = line.decode('utf-8').rstrip('\r\n')
        if self.lines is not None:
            if line != b'.\r\n':
                self.lines.append(line)
                return True
            text = '.'
        word = text.split(' ')[0].upper()
        append('commands', 'AUTH' if word == 'AUTH' else text)
        usual = self.usual(word, text)
        reply = reply_to(word) or usual
        self.say(reply)
        if reply[0] in '23':
            self.take(word, text)
        elif word == '.':
            self.lines = None
        return word != 'QUIT'

    def usual(self, word, text):
        if word == 'EHLO':
            names = ['8BITMIME', 'SIZE 1000000']
            if TLS == 'starttls' and not self.secure:
                names.append('STARTTLS')
            if self.secure:
                names.append('AUTH PLAIN')
            return '|'.join(['250-mail.test'] + ['250-' + name for name in
                            names[:-1]] + ['250 ' + names[-1]])
        if word == 'AUTH':
            self.say('334 ')
            self.credentials = self.file.readline().decode().strip()
            return '235 2.7.0 come in'
        if word == 'MAIL' and TLS and not self.mail['user']:
            return '530 5.7.0 log in'
        return {'DATA': '354 go on', 'QUIT': '221 bye',
                'STARTTLS': '220 go on'}.get(word, '250 2.0.0 ok')

    def take(self, word, text):
        if word == 'STARTTLS':
            self.begin_tls()
        elif word == 'AUTH':
            self.mail['user'] = self.credentials
        elif word == 'MAIL':
            self.mail['from'] = text.partition(':')[2].split(' ')[0]
            self.mail['to'] = []
        elif word == 'RCPT':
            self.mail['to'].append(text.partition(':')[2])
        elif word == 'DATA':
            self.lines = []
        elif word == '.':
            lines = [line[1:] if line.startswith(b'.') else line
                     for line in self.lines]
            self.lines = None
            self.mail['secure'] = self.secure
            self.mail['text'] = b''.join(lines).decode('ascii')
            append('mails', json.dumps(self.mail))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if TLS:
    CONTEXT.load_cert_chain('server.pem')
for kind in ('mails', 'commands'):
    append(kind, '')
    os.truncate(f'{NAME}.{kind}', 0)
with Server(('127.0.0.1', 0), Session) as server:
    with open(f'{NAME}.port.new', 'w', encoding='ascii') as port_file:
        print(server.server_address[1], file=port_file)
    os.rename(f'{NAME}.port.new', f'{NAME}.port')
    server.serve_forever()
