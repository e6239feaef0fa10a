#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A receiver on 127.0.0.1 that stands in for Slack, Teams and others.

Prints each message as a person would read it in the chat, and records every
request.  A path that begins with /slack is judged as an incoming webhook of
Slack, one with /teams as a Workflows URL of Teams, one that ends with
/v2/enqueue as PagerDuty's Events API, one with /api/v2/alerts as an
Alertmanager, any other as plain JSON.
"""

import argparse
import json
import os
import re
import sys
import textwrap
import threading
import time
import unicodedata
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BODY = 1 << 20

SLACK_BLOCKS = 50
SLACK_CHARS = 13200  # all blocks together; Slack does not document it
SLACK_TEXT = 40000
TEAMS_BYTES = 28 * 1024
PAGERDUTY_BYTES = 512 * 1000
PAGERDUTY_ACTIONS = {'trigger', 'acknowledge', 'resolve'}
TEAMS_ELEMENTS = {
    'Container', 'TextBlock', 'RichTextBlock', 'FactSet', 'ColumnSet',
    'Column', 'Image', 'ActionSet',
}
TEAMS_STYLES = {'default', 'emphasis', 'good', 'warning', 'attention',
                'accent'}
TEAMS_COLOURS = {'default', 'dark', 'light', 'accent', 'good', 'warning',
                 'attention'}

# What a colour or style of a message looks like in a terminal.
PAINT = {'attention': 31, 'danger': 31, 'a30200': 31, 'd9480f': 31,
         'warning': 33, 'daa038': 33, 'accent': 34, '2f80ed': 34,
         'good': 32, '2eb886': 32}


# --- what the services would refuse

class Faults:
    """Collects what is wrong with a payload."""

    def __init__(self):
        self.list = []

    def add(self, text):
        self.list.append(text)

    def want(self, condition, text):
        if not condition:
            self.list.append(text)
        return bool(condition)

    def text(self, value, limit, what, least=1):
        """Whether value is text of least to limit characters."""
        if not self.want(isinstance(value, str), f'{what} is no text'):
            return ''
        self.want(least <= len(value) <= limit,
                  f'{what} has {len(value)} characters, '
                  f'{least} to {limit} are allowed')
        return value


def unique_keys(pairs):
    keys = [key for key, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError(f'a key comes twice: {sorted(keys)}')
    return dict(pairs)


def no_constant(name):
    raise ValueError(f'{name} is no JSON')


def strict_json(body):
    """What a strict parser makes of body; ValueError where it refuses."""
    value = json.loads(body.decode('utf-8'), object_pairs_hook=unique_keys,
                       parse_constant=no_constant)
    # A lone surrogate passes Python's parser, but is no text.
    json.dumps(value, ensure_ascii=False).encode('utf-8')
    return value


def walk(value):
    """Every object within value, itself included."""
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from walk(child)
    elif isinstance(value, list):
        for child in value:
            yield from walk(child)


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for child in value.values():
            yield from strings(child)
    elif isinstance(value, list):
        for child in value:
            yield from strings(child)


def check_controls(value, faults):
    """No terminal controls and no bidirectional overrides in any text."""
    for text in strings(value):
        for char in text:
            if (unicodedata.category(char) == 'Cc' and char not in '\n\t'
                    or char in '\u202a\u202b\u202c\u202d\u202e'
                    '\u2066\u2067\u2068\u2069'):
                faults.add(f'control character {char!r} in {text[:60]!r}')
                break


def check_mrkdwn(text, what, faults):
    """Text that Slack reads as markup: nothing in it pings or links by itself.
    Links of ours, <https://...|...>, are the only markup."""
    for markup in re.findall(r'<[^>]*>?', text):
        faults.want(re.fullmatch(r'<https?://[^<>|\s]+(\|[^<>|]*)?>', markup),
                    f'{what}: {markup!r} is markup')
    faults.want(not re.search(r'&(?!(amp|lt|gt);)', text),
                f'{what}: an & that is not escaped')


def check_slack_text(node, limit, what, faults):
    if not faults.want(isinstance(node, dict), f'{what} is no object'):
        return 0
    kind = node.get('type')
    faults.want(kind in ('plain_text', 'mrkdwn'), f'{what}: type {kind!r}')
    text = faults.text(node.get('text'), limit, what)
    if kind == 'mrkdwn':
        faults.want('emoji' not in node, f'{what}: emoji is for plain_text')
        check_mrkdwn(text, what, faults)
    else:
        faults.want('verbatim' not in node, f'{what}: verbatim is for mrkdwn')
    return len(text)


def check_rich_text(block, faults):
    chars = 0
    for part in block.get('elements', []):
        kind = part.get('type')
        faults.want(kind in ('rich_text_section', 'rich_text_preformatted',
                             'rich_text_list', 'rich_text_quote'),
                    f'rich_text: type {kind!r}')
        for leaf in part.get('elements', []):
            if leaf.get('type') == 'text':
                chars += len(faults.text(leaf.get('text'), SLACK_CHARS,
                                         'rich text'))
            else:
                faults.want(leaf.get('type') == 'link',
                            f'rich text: {leaf.get("type")!r} could ping')
    return chars


def check_slack_block(block, faults):
    """Returns how many characters it has."""
    kind = block.get('type') if isinstance(block, dict) else None
    chars = 0
    if kind == 'section':
        fields = block.get('fields', [])
        faults.want('text' in block or fields, 'section: neither text nor '
                    'fields')
        faults.want(len(fields) <= 10, f'section: {len(fields)} fields')
        if 'text' in block:
            chars += check_slack_text(block['text'], 3000, 'section', faults)
        for field in fields:
            chars += check_slack_text(field, 2000, 'field', faults)
    elif kind == 'header':
        chars += check_slack_text(block.get('text'), 150, 'header', faults)
        faults.want((block.get('text') or {}).get('type') == 'plain_text',
                    'header: only plain_text')
    elif kind == 'context':
        elements = block.get('elements', [])
        faults.want(1 <= len(elements) <= 10,
                    f'context: {len(elements)} elements')
        for element in elements:
            chars += check_slack_text(element, 3000, 'context', faults)
    elif kind == 'rich_text':
        chars += check_rich_text(block, faults)
    elif kind != 'divider':
        faults.add(f'block: type {kind!r}')
    return chars


def check_slack(message, headers, body, faults):
    faults.want(headers.get_content_type() == 'application/json',
                'Content-Type is not application/json')
    text = message.get('text')
    attachments = message.get('attachments', [])
    blocks = list(message.get('blocks', []))
    if faults.want(text or blocks or attachments, 'no_text'):
        check_mrkdwn(faults.text(text or '', SLACK_TEXT, 'text', 0), 'text',
                     faults)
    faults.want('link_names' not in message and 'parse' not in message,
                'link_names or parse: names would ping')
    faults.want(len(attachments) <= 20, f'{len(attachments)} attachments')
    for attachment in attachments:
        blocks += attachment.get('blocks', [])
        faults.want(re.fullmatch(r'good|warning|danger|#?[0-9A-Fa-f]{6}',
                                 attachment.get('color', 'good')),
                    f'color {attachment.get("color")!r}')
        faults.text(attachment.get('title', ''), 1024, 'title', 0)
        # Legacy text is markup, the fallback too (it makes notifications).
        for key in ('fallback', 'text', 'title', 'footer', 'pretext'):
            check_mrkdwn(attachment.get(key, ''), key, faults)
        for field in attachment.get('fields', []):
            for key in ('title', 'value'):
                check_mrkdwn(str(field.get(key, '')), f'field {key}', faults)
    faults.want(len(blocks) <= SLACK_BLOCKS, f'{len(blocks)} blocks')
    chars = sum(check_slack_block(block, faults) for block in blocks)
    faults.want(chars <= SLACK_CHARS,
                f'msg_blocks_too_long: {chars} characters')


# A character of Markdown that is not behind a backslash makes text into
# something else.  A bracket starts a link only with `](` after it.
LIVE_MARKDOWN = re.compile(
    r'(?<!\\)(\*[^*\s][^*]*(?<!\\)\*|_[^_\s][^_]*(?<!\\)_(?!\w)|'
    r'\[[^\]]*(?<!\\)\]\(|`|~~|\{\{(DATE|TIME)\(|<at>)')


def check_teams_element(element, faults):
    kind = element.get('type')
    if kind in ('TextBlock', 'FactSet'):
        texts = [element.get('text')] if kind == 'TextBlock' else [
            fact.get(key) for fact in element.get('facts', [])
            for key in ('title', 'value')]
        for text in texts:
            live = LIVE_MARKDOWN.search(
                faults.text(text, TEAMS_BYTES, kind, 0))
            faults.want(not live, f'{kind}: {live and live[0]!r} is Markdown')
    elif kind == 'RichTextBlock':
        for run in element.get('inlines', []):
            if not isinstance(run, str):
                faults.want(run.get('type') == 'TextRun',
                            f'inline: type {run.get("type")!r}')
                faults.text(run.get('text'), TEAMS_BYTES, 'TextRun', 0)
    elif kind == 'Container':
        style = element.get('style', 'default')
        faults.want(style in TEAMS_STYLES, f'style {style!r}')
    for child in element.get('items', []):
        faults.want(child.get('type') in TEAMS_ELEMENTS,
                    f'element {child.get("type")!r}')
        check_teams_element(child, faults)


def check_teams(message, headers, body, faults):
    faults.want(headers.get_content_type() == 'application/json'
                and headers.get_content_charset() == 'utf-8',
                'Content-Type is not application/json; charset=utf-8')
    faults.want(len(body) <= TEAMS_BYTES, f'{len(body)} bytes')
    faults.want(message.get('type') == 'message', 'type is not message')
    attachments = message.get('attachments')
    if not faults.want(isinstance(attachments, list) and attachments,
                       'no attachments'):
        return
    for attachment in attachments:
        faults.want(attachment.get('contentType')
                    == 'application/vnd.microsoft.card.adaptive',
                    'not an Adaptive Card')
        card = attachment.get('content')
        if not faults.want(isinstance(card, dict), 'no content'):
            continue
        faults.want(card.get('type') == 'AdaptiveCard', 'not an AdaptiveCard')
        faults.want(card.get('version') in ('1.0', '1.1', '1.2'),
                    f'version {card.get("version")!r}: phones know 1.2')
        faults.want('entities' not in card.get('msteams', {}),
                    'entities: names would ping')
        faults.want(card.get('body'), 'an empty card')
        for element in card.get('body', []):
            faults.want(element.get('type') in TEAMS_ELEMENTS,
                        f'element {element.get("type")!r}')
            check_teams_element(element, faults)
        for node in walk(card):
            faults.want(node.get('color', 'default') in TEAMS_COLOURS
                        or 'elements' in node,
                        f'color {node.get("color")!r}')
            kind = str(node.get('type'))
            if kind.startswith('Action.'):
                faults.want(kind == 'Action.OpenUrl', f'{kind} does nothing')
                faults.want(re.match(r'https?://', str(node.get('url'))),
                            f'url {node.get("url")!r}')


def check_pagerduty(event, headers, body, faults):
    faults.want(headers.get_content_type() == 'application/json',
                'Content-Type is not application/json')
    faults.want(len(body) <= PAGERDUTY_BYTES, f'{len(body)} bytes')
    key = faults.text(event.get('routing_key'), 32, 'routing_key', 32)
    faults.want(key.isalnum(), 'routing_key is none')
    faults.text(event.get('dedup_key'), 255, 'dedup_key')
    action = event.get('event_action')
    faults.want(action in PAGERDUTY_ACTIONS, f'event_action {action!r}')
    if action != 'trigger':
        return
    payload = event.get('payload', {})
    faults.text(payload.get('summary'), 1024, 'summary')
    faults.text(payload.get('source'), 255, 'source')
    faults.want(payload.get('severity') in
                ('critical', 'error', 'warning', 'info'),
                f'severity {payload.get("severity")!r}')
    for link in event.get('links', []):
        faults.want(re.match(r'https?://[^\s<>"]+$', str(link.get('href'))),
                    f'href {link.get("href")!r}')


def check_alert(alert, faults):
    labels, notes = alert.get('labels'), alert.get('annotations', {})
    faults.want(labels, 'at least one label pair required')
    for name, value in [*labels.items(), *notes.items()]:
        faults.want(re.fullmatch('[A-Za-z_][A-Za-z0-9_]*', name),
                    f'the name {name!r} of a label or annotation')
        faults.text(value, TEAMS_BYTES, name)
    start, end = alert.get('startsAt'), alert.get('endsAt')
    for time_ in (start, end):
        faults.want(re.fullmatch(r'[0-9-]{10}T[0-9:.]{12}Z', str(time_)),
                    f'time {time_!r}')
    faults.want(str(start) <= str(end), 'starts after it ends')


def check_alertmanager(alerts, headers, faults):
    faults.want(headers.get_content_type() == 'application/json',
                'Content-Type is not application/json')
    for alert in alerts:
        check_alert(alert, faults)


def check(path, headers, body):
    """What the service of that path would refuse; the message or None."""
    faults = Faults()
    try:
        message = strict_json(body)
    except ValueError as error:
        faults.add(f'invalid JSON: {error}')
        return faults.list, None
    alerts = path.endswith('/api/v2/alerts')
    if not faults.want(isinstance(message, list if alerts else dict),
                       'not of the right shape'):
        return faults.list, None
    try:
        if path.startswith('/slack'):
            check_controls(message, faults)
            check_slack(message, headers, body, faults)
        elif path.startswith('/teams'):
            check_controls(message, faults)
            check_teams(message, headers, body, faults)
        elif path.endswith('/v2/enqueue'):
            check_controls(message, faults)
            check_pagerduty(message, headers, body, faults)
        elif alerts:
            check_controls(message, faults)
            check_alertmanager(message, headers, faults)
    except (AttributeError, TypeError, ValueError) as error:
        faults.add(f'not the shape of a message: {error}')
    return faults.list, message


# --- what a person reads

def unescape(text):
    """Slack's markup as it shows: links by their words, entities undone."""
    text = re.sub(r'<([^<>|]+)\|([^<>]*)>', r'\2 (\1)', text)
    text = re.sub(r'<([^<>|]+)>', r'\1', text)
    return text.replace('&lt;', '<').replace('&gt;', '>').replace(
        '&amp;', '&')


def slack_lines(message):
    """(kind, text) of what shows, kind one of text, fact, log, small."""
    attachments = message.get('attachments', [])
    blocks = list(message.get('blocks', []))
    for attachment in attachments:
        blocks += attachment.get('blocks', [])
    for block in blocks:
        kind = block.get('type')
        if kind in ('section', 'header'):
            if 'text' in block:
                yield 'text', slack_text(block['text'])
            for field in block.get('fields', []):
                title, _, value = slack_text(field).partition('\n')
                yield 'fact', f'{title}: {value}' if value else title
        elif kind == 'context':
            yield 'small', '  '.join(
                slack_text(element) for element in block.get('elements', []))
        elif kind == 'rich_text':
            for part in block.get('elements', []):
                yield 'log', ''.join(
                    leaf.get('text') or leaf.get('url', '')
                    for leaf in part.get('elements', []))
    for attachment in attachments:
        if attachment.get('title'):
            yield 'text', unescape(attachment['title'])
        if attachment.get('text'):
            text = unescape(attachment['text'])
            parts = text.split('```')
            for i, part in enumerate(parts):
                if part.strip():
                    yield 'log' if i % 2 else 'text', part.strip('\n')
        for field in attachment.get('fields', []):
            yield 'fact', unescape(f'{field.get("title")}: '
                                   f'{field.get("value")}')
        if attachment.get('footer'):
            yield 'small', unescape(attachment['footer'])


def slack_text(node):
    text = node.get('text', '')
    return unescape(text) if node.get('type') == 'mrkdwn' else text


def teams_lines(elements):
    for element in elements:
        kind = element.get('type')
        if kind == 'TextBlock':
            small = element.get('isSubtle') or element.get('size') == 'Small'
            yield 'small' if small else 'text', unmark(element.get('text', ''))
        elif kind == 'RichTextBlock':
            runs = [run if isinstance(run, dict) else {'text': run}
                    for run in element.get('inlines', [])]
            text = ''.join(run.get('text', '') for run in runs)
            mono = any(run.get('fontType', '').lower() == 'monospace'
                       for run in runs)
            small = any(run.get('isSubtle') for run in runs)
            yield ('log' if mono else 'small' if small else 'text',
                   text.replace('\u00a0', ' '))
        elif kind == 'FactSet':
            for fact in element.get('facts', []):
                yield 'fact', unmark(f'{fact.get("title")}: '
                                     f'{fact.get("value")}')
        else:
            yield from teams_lines(element.get('items', []))


def unmark(text):
    """Markdown's escapes undone, as Teams shows them."""
    return re.sub(r'\\([\\*_\[\]()~#>+.!|{}`<-])', r'\1', text)


def read_message(path, message):
    """(service, colour, title, lines) of what a person sees."""
    if path.startswith('/slack'):
        colour = next((attachment['color'] for attachment
                       in message.get('attachments', [])
                       if attachment.get('color')), '')
        return ('Slack', colour.lstrip('#').lower(),
                unescape(message.get('text') or ''),
                list(slack_lines(message)))
    if path.startswith('/teams'):
        card = message['attachments'][0]['content']
        colour = next((node['style'] for node in walk(card)
                       if node.get('type') == 'Container'
                       and node.get('style')), '')
        lines = list(teams_lines(card.get('body', [])))
        title = lines.pop(0)[1] if lines else card.get('fallbackText', '')
        for action in card.get('actions', []):
            lines.append(('small', f'[{action.get("title")}] '
                                   f'{action.get("url")}'))
        return 'Teams', colour, title, lines
    if path.endswith('/v2/enqueue'):
        payload = message.get('payload', {})
        lines = [('log' if key == 'Log' else 'fact', f'{key}: {value}')
                 for key, value in payload.get('custom_details', {}).items()]
        return ('PagerDuty', 'attention' if payload else 'good',
                f'{message["event_action"]}: '
                f'{payload.get("summary", message["dedup_key"])}', lines)
    if path.endswith('/api/v2/alerts'):
        alert = message[0]
        lines = [('log' if key == 'log' else 'fact', f'{key}: {value}')
                 for key, value in [*alert['labels'].items(),
                                    *alert['annotations'].items()]]
        return ('Alertmanager', '', f'until {alert["endsAt"]}: '
                f'{alert["annotations"].get("summary", "")}', lines)
    lines = [('fact', f'{key}: {message[key]}') for key in
             ('rule', 'severity', 'state', 'count') if key in message]
    if message.get('event'):
        lines.append(('log', str(message['event'])))
    return ('Webhook', '', f'{message.get("change", "")} '
            f'{message.get("summary", "")}'.strip(), lines)


def harmless(text):
    """Text for a terminal: what could steer it is shown as an escape."""
    return ''.join(char if char == '\n' or unicodedata.category(char)
                   not in ('Cc', 'Cf', 'Cs') else ascii(char)[1:-1]
                   for char in text)


class Painter:
    """Lays a message out for standard output."""

    def __init__(self):
        self.colours = (sys.stdout.isatty() and not os.environ.get('NO_COLOR')
                        and os.environ.get('TERM') != 'dumb')

    def paint(self, text, *codes):
        if not self.colours or not codes:
            return text
        return f'\x1b[{";".join(map(str, codes))}m{text}\x1b[0m'

    def show(self, path, message, faults):
        service, colour, title, lines = read_message(path, message)
        bar = self.paint('|', PAINT.get(colour, 37))
        out = [self.paint(f'{time.strftime("%H:%M:%S")} {service}', 1)]

        def add(text, indent, *codes):
            for line in harmless(text).split('\n'):
                for part in textwrap.wrap(
                        line, 76, drop_whitespace=False,
                        replace_whitespace=False) or ['']:
                    out.append(f'{bar} {indent}{self.paint(part, *codes)}')

        add(title, '', 1)
        for kind, text in lines:
            if kind == 'log':
                add(text, '    ', 2)
            elif text.strip() and text.strip() != title.strip():
                add(text, '', *((2,) if kind == 'small' else ()))
        for fault in faults:
            out.append(self.paint('refused: ' + harmless(fault), 31))
        sys.stdout.write('\n'.join(out) + '\n\n')
        sys.stdout.flush()


# --- the server

class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    timeout = 10
    disable_nagle_algorithm = True  # else each answer takes 40 ms

    def log_message(self, *args):
        pass

    def do_POST(self):
        length = self.headers.get('Content-Length', '')
        if not length.isdigit() or int(length) > MAX_BODY:
            self.close_connection = True
            self.answer(413 if length.isdigit() else 411, 'no')
            return
        body = self.rfile.read(int(length))
        faults, message = check(self.path, self.headers, body)
        refused = faults and self.server.strict
        accepted = (self.path.startswith('/teams') or
                    self.path.endswith('/v2/enqueue'))
        status = 400 if refused else 202 if accepted else 200
        with self.server.turn:
            self.record(body, status, faults)
            if not self.server.quiet and message is not None:
                self.show(message, faults if refused else [])
        text = 'invalid_payload: ' + '; '.join(faults) if refused else (
            '' if status == 202 else 'ok')
        self.answer(status, text)

    def answer(self, status, text):
        body = text.encode('utf-8', 'replace')
        self.send_response(status)
        self.send_header('Content-Type', 'text/plain; charset=utf-8')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def record(self, body, status, faults):
        if self.server.record is None:
            return
        json.dump({'time': time.time(), 'path': self.path,
                   'headers': dict(self.headers.items()),
                   'body': body.decode('utf-8', 'replace'),
                   'status': status, 'faults': faults}, self.server.record)
        self.server.record.write('\n')
        self.server.record.flush()

    def show(self, message, faults):
        try:
            self.server.painter.show(self.path, message, faults)
        except (AttributeError, IndexError, KeyError, TypeError):
            print(f'{self.path}: not the shape of a message\n', flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--port', type=int, default=0,
                        help='where to listen on 127.0.0.1 (default: any '
                        'that is free)')
    parser.add_argument('--port-file', metavar='FILE',
                        help='write the port there once it listens')
    parser.add_argument('--record', metavar='FILE',
                        help='append each request as a line of JSON')
    parser.add_argument('--strict', action='store_true',
                        help='answer 400 to what Slack, Teams, PagerDuty or '
                        'Alertmanager would refuse or misread')
    parser.add_argument('--quiet', action='store_true',
                        help='print no messages')
    options = parser.parse_args()
    sys.stdout.reconfigure(errors='replace')
    try:
        server = ThreadingHTTPServer(('127.0.0.1', options.port), Handler)
        server.record = options.record and open(
            options.record, 'a', encoding='utf-8')
    except OSError as error:
        parser.exit(3, f'receiver.py: {error}\n')
    server.daemon_threads = True
    server.strict, server.quiet = options.strict, options.quiet
    server.painter, server.turn = Painter(), threading.Lock()
    port = server.server_address[1]
    if options.port_file:
        # Whole or not there: who waits for the file reads it at once.
        with open(options.port_file + '.new', 'w', encoding='ascii') as file:
            print(port, file=file)
        os.rename(options.port_file + '.new', options.port_file)
    if not options.quiet:
        print(f'listening on http://127.0.0.1:{port} (/slack, /teams)\n',
              flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == '__main__':
    main()
